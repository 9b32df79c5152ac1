/**
 * How long the steps of an orderly stop take, as the settings say. Main thread. Pure.
 */
import type { Config } from '../config/config.js'

/** Without `drainDelayMs`, when somebody polls: most balancers have asked twice by then. */
const DELAY_MS_DEFAULT = 5000
/** Without `drainMs`: as long for each client, so the other gateways let them in as they come. */
const MS_PER_CLIENT = 10
const DRAIN_MS_DEFAULT_MAX = 10_000

type DrainSettings = Pick<Config, 'drainDelayMs' | 'drainMs' | 'shutdownTimeoutMs'>

export interface DrainTimes {
  /** New clients are still let in. */
  readonly delayMs: number
  /** Clients are sent away one by one. */
  readonly drainMs: number
}

/** @param isPolled whether something asks if the gateway is ready. Where nothing does, nobody would learn it meanwhile */
export function drainTimes(config: DrainSettings, clientCount: number, isPolled: boolean): DrainTimes {
  const { drainDelayMs, drainMs } = config
  return {
    delayMs: drainDelayMs ?? (isPolled ? DELAY_MS_DEFAULT : 0),
    drainMs: drainMs ?? Math.min(DRAIN_MS_DEFAULT_MAX, clientCount * MS_PER_CLIENT),
  }
}

/** The longest time of an orderly stop. */
export function stopTimeMs(config: DrainSettings): number {
  const { delayMs, drainMs } = drainTimes(config, Number.POSITIVE_INFINITY, true)
  return delayMs + drainMs + config.shutdownTimeoutMs
}
