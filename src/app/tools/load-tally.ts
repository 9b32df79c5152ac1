/**
 * Counts what the clients of a load get. Main thread. `begin` starts the measured time: what came before is left out.
 */
import { Histogram, quantileUs } from '../../metrics/histogram.js'

export interface GapCount {
  gaps: number
  /** Ticks, as far as they are known. */
  missed: number
}

export class LoadTally {
  ticks = 0
  messages = 0
  bytes = 0
  /** Older ticks that were left out for newer ones, as clients of latest ticks want it. */
  merged = 0
  maxLatencyUs = 0
  /** Messages that do not follow the one before: ticks are missing or doubled, and nothing was said. */
  silentErrors = 0
  /** The first of them, in words. */
  firstError: string | undefined
  readonly gaps = new Map<string, GapCount>()
  /** Clients that were refused, by code. */
  readonly refused = new Map<string, number>()
  /** Clients that the gateway, or the network, has ended, by close code. */
  readonly ended = new Map<string, number>()
  /** Entries that the gateway did not accept, by code. */
  readonly refusedEntries = new Map<string, number>()
  private latencies = new Histogram()

  begin(): void {
    this.ticks = 0
    this.messages = 0
    this.bytes = 0
    this.merged = 0
    this.maxLatencyUs = 0
    this.latencies = new Histogram()
    this.gaps.clear()
  }

  observe(latencyUs: number): void {
    this.latencies.observe(latencyUs, 1)
    if (latencyUs > this.maxLatencyUs) this.maxLatencyUs = latencyUs
  }

  gap(reason: string, missed: number): void {
    const count = this.gaps.get(reason) ?? { gaps: 0, missed: 0 }
    count.gaps++
    count.missed += missed
    this.gaps.set(reason, count)
  }

  silentError(words: string): void {
    this.silentErrors++
    this.firstError ??= words
  }

  /** Upper bounds of the buckets, µs (the last has none), and the messages in each. */
  latencyBuckets(): { readonly boundsUs: readonly (number | null)[]; readonly counts: readonly number[] } {
    const { boundsUs, counts } = this.latencies.view()
    return { boundsUs, counts }
  }

  quantileUs(quantile: number): number {
    // The estimate within a bucket may be above every value in it.
    return Math.min(this.maxLatencyUs, quantileUs(this.latencies.view().counts, quantile))
  }
}

export function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
