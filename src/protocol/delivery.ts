/**
 * How ticks are delivered to a client: reads the three fields `delivery`, `interval` and `snapshot`. Main thread. Pure.
 */
import { quoteValue } from '../common/quote-value.js'
import type { DeliveryErrorCode } from './error-codes.js'

/** null: every tick. A number: the latest tick of each symbol and kind, once in so many ms. */
export type IntervalMs = number | null

export const INTERVAL_MS_MAX = 60_000

export interface Delivery {
  readonly intervalMs: IntervalMs
  /** Whether the client begins with the latest ticks. */
  readonly snapshot: boolean
}

export const EVERY_TICK: Delivery = { intervalMs: null, snapshot: false }

/** The fields of a URL or a command, unchecked. */
export interface DeliveryFields {
  readonly delivery?: unknown
  readonly interval?: unknown
  readonly snapshot?: unknown
}

export interface DeliveryError {
  readonly code: DeliveryErrorCode
  readonly message: string
}

/** @param initial holds for fields that are left out */
export function readDelivery(fields: DeliveryFields, initial: Delivery): Delivery | DeliveryError {
  const { delivery, interval, snapshot } = fields
  if (delivery !== undefined && delivery !== 'every' && delivery !== 'latest') {
    const message = `delivery must be "every" or "latest", got ${quoteValue(delivery)}`
    return { code: 'unknown_delivery', message }
  }
  const isLatest = delivery === undefined ? initial.intervalMs !== null : delivery === 'latest'
  if (interval !== undefined) {
    if (!isLatest) return { code: 'bad_interval', message: 'interval needs delivery "latest"' }
    if (!isInterval(interval)) {
      const message = `interval must be a whole number of ms from 0 to ${INTERVAL_MS_MAX}, got ${quoteValue(interval)}`
      return { code: 'bad_interval', message }
    }
  }
  if (snapshot !== undefined && typeof snapshot !== 'boolean')
    return { code: 'bad_snapshot', message: `snapshot must be true or false, got ${quoteValue(snapshot)}` }
  return {
    intervalMs: isLatest ? (interval ?? initial.intervalMs ?? 0) : null,
    snapshot: snapshot ?? (delivery === undefined ? initial.snapshot : isLatest),
  }
}

/** The fields of a message. */
export function deliveryFields(intervalMs: IntervalMs): { delivery: 'every' | 'latest'; interval?: number } {
  return intervalMs === null ? { delivery: 'every' } : { delivery: 'latest', interval: intervalMs }
}

function isInterval(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= INTERVAL_MS_MAX
}
