/**
 * The right to be the active relay: an entry of a key-value bucket, which its holder renews. Main thread.
 * A waiting relay takes the entry when its revision has stood still for `LEASE_MS` by its own clock, so clocks need not
 * agree. The lease decides who tries to write. That only one can is the doing of StreamWriter.
 */
import type { Clock } from '../common/clock.js'
import { JetStreamApiCodes, JetStreamApiError, type KV } from '../sources/nats/nats-js.js'

/** How long a holder that has died keeps the lease. */
export const LEASE_MS = 2_000
/** How often the holder renews it. */
export const RENEW_MS = 500
const KEY = 'lease'

interface LeaseEntry {
  /** Of the holder. */
  readonly relay: string
  readonly isFree: boolean
  /** Sequence of a message that is stored for certain. A stream that ends before it has lost messages. */
  readonly storedSequence: number
}

/** The entry as it was found when the lease was taken. */
export type LeaseBefore = Pick<LeaseEntry, 'storedSequence'>

export class Lease {
  private readonly relay: string
  private readonly clock: Clock
  /** Revision of the entry as this relay has written it; undefined: it does not hold the lease. */
  private held: number | undefined
  /** The entry of another holder, and since when it has not changed. */
  private seenRevision = 0
  private seenSinceMs = 0

  constructor(relay: string, clock: Clock) {
    this.relay = relay
    this.clock = clock
  }

  get isHeld(): boolean {
    return this.held !== undefined
  }

  /** @returns the entry before when the lease was taken; undefined: another relay holds it */
  async tryTake(bucket: KV): Promise<LeaseBefore | undefined> {
    const entry = await bucket.get(KEY)
    const before = entry === null || entry.operation !== 'PUT' ? undefined : entry.json<LeaseEntry>()
    const revision = entry?.revision ?? 0
    if (before !== undefined && !before.isFree && before.relay !== this.relay) {
      const nowMs = this.clock.nowMs()
      if (revision !== this.seenRevision) {
        this.seenRevision = revision
        this.seenSinceMs = nowMs
      }
      if (nowMs - this.seenSinceMs < LEASE_MS) return undefined
    }
    const storedSequence = before?.storedSequence ?? 0
    this.held = await this.write(bucket, { storedSequence, isFree: false }, revision)
    return this.held === undefined ? undefined : { storedSequence }
  }

  /** @returns false when another relay has taken the lease */
  async renew(bucket: KV, storedSequence: number): Promise<boolean> {
    if (this.held === undefined) return false
    const revision = await this.write(bucket, { storedSequence, isFree: false }, this.held)
    this.held = revision ?? (await this.heldByUs(bucket))
    return this.held !== undefined
  }

  /** Gives the lease back, so that another relay takes it at once. */
  async release(bucket: KV, storedSequence: number): Promise<void> {
    if (this.held === undefined) return
    const { held } = this
    this.held = undefined
    await this.write(bucket, { storedSequence, isFree: true }, held)
  }

  /** Forgets that it was held: another relay has written. */
  lose(): void {
    this.held = undefined
  }

  /** @returns undefined when the entry is no longer the one of this revision */
  private async write(
    bucket: KV,
    entry: Omit<LeaseEntry, 'relay'>,
    revision: number,
  ): Promise<number | undefined> {
    const text = JSON.stringify({ relay: this.relay, ...entry } satisfies LeaseEntry)
    try {
      if (revision === 0) return await bucket.create(KEY, text)
      return await bucket.update(KEY, text, revision, RENEW_MS * 2)
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence)
        return undefined
      throw error
    }
  }

  /** A renewal whose answer was lost has been made all the same. */
  private async heldByUs(bucket: KV): Promise<number | undefined> {
    const entry = await bucket.get(KEY)
    const isOurs = entry?.operation === 'PUT' && entry.json<LeaseEntry>().relay === this.relay
    return isOurs ? entry.revision : undefined
  }
}
