/**
 * Finds the message with which a reading of the past begins, by the headers of few messages. Any thread.
 * The sequences of a stream have no index by epoch or offset. Within an epoch offsets rise with the sequences, so the
 * search halves the range. Messages of one epoch on both sides are taken for one run of that epoch.
 */

import { epochName } from '../../ingest/epoch-name.js'
import type { HistoryPoint, NamedOffset } from '../../ticks/stream-history.js'
import { lastOffsetOf, type StreamMessage } from './stream-message.js'
import type { StoredMessage, TickStream } from './tick-stream.js'

/** Where a reading begins. */
export interface FoundStart {
  readonly sequence: number
  readonly after: NamedOffset
  /** Whether the stream holds a message before it. */
  readonly hasEarlier: boolean
  /** Whether the stream holds no message from `sequence` on. */
  readonly isAtEnd: boolean
}

/** A message of a relay, with its sequence. */
interface Probe {
  readonly sequence: number
  readonly storedAtNs: bigint
  readonly message: StreamMessage
}

/** Where a message stands, compared with the place that is searched. */
type Side = 'before' | 'after' | 'other epoch'

/** Messages of others, and removed ones, that are stepped over at a time. */
const STRANGE_MAX = 64
/** A stream with more epochs than these probes can tell apart is not searched further. */
const PROBES_MAX = 1_024
const NS_PER_US = 1_000n

/** @returns undefined when the stream does not hold the epoch of the point, or nothing at all */
export async function findStart(
  stream: Pick<TickStream, 'state' | 'message'>,
  point: HistoryPoint,
): Promise<FoundStart | undefined> {
  const state = await stream.state()
  if (state === undefined) throw new Error('there is no stream')
  const search = new StreamSearch(stream)
  const first = await search.probe(state.firstSequence, state.lastSequence)
  const last = first && (await search.probeBack(state.lastSequence, first.sequence))
  if (first === undefined || last === undefined) return undefined
  return 'after' in point
    ? await search.findOffset(point.after, first, last)
    : await search.findTime(BigInt(Math.round(point.sinceUs)) * NS_PER_US, first, last)
}

class StreamSearch {
  private readonly stream: Pick<TickStream, 'message'>
  private probes = 0
  /** The first message of the epoch, where the place is before it. */
  private begins: Probe | undefined

  constructor(stream: Pick<TickStream, 'message'>) {
    this.stream = stream
  }

  async findOffset(after: NamedOffset, first: Probe, last: Probe): Promise<FoundStart | undefined> {
    const found = await this.lastBefore(after, first, last)
    const from = found ?? (sideOf(first, after) === 'after' ? first : this.begins)
    return from && { sequence: from.sequence, after, hasEarlier: true, isAtEnd: false }
  }

  /** The last message in `[low, high]` that is not behind the place. */
  private async lastBefore(after: NamedOffset, low: Probe, high: Probe): Promise<Probe | undefined> {
    const lowSide = sideOf(low, after)
    const highSide = sideOf(high, after)
    if (highSide === 'before') return high
    if (highSide === 'after' && lowSide === 'after') return undefined
    const isOneEpoch = low.message.epoch === high.message.epoch
    if (highSide === 'other epoch' && lowSide === 'other epoch' && isOneEpoch) return undefined
    const middle = await this.probeBetween(low, high)
    if (middle === undefined) {
      if (lowSide === 'before') return low
      if (lowSide === 'other epoch' && highSide === 'after') this.begins ??= high
      return undefined
    }
    return (await this.lastBefore(after, middle, high)) ?? (await this.lastBefore(after, low, middle))
  }

  async findTime(sinceNs: bigint, first: Probe, last: Probe): Promise<FoundStart> {
    if (last.storedAtNs < sinceNs) {
      const { message, sequence } = last
      const after = { epoch: epochName(message.epoch), offset: lastOffsetOf(message) }
      return { sequence: sequence + 1, after, hasEarlier: true, isAtEnd: true }
    }
    if (first.storedAtNs >= sinceNs) return startAt(first, false)
    let low = first
    let high = last
    for (;;) {
      const middle = await this.probeBetween(low, high)
      if (middle === undefined) return startAt(high, true)
      if (middle.storedAtNs < sinceNs) low = middle
      else high = middle
    }
  }

  /** A message between two, near the middle. @returns undefined when there is none */
  private async probeBetween(low: Probe, high: Probe): Promise<Probe | undefined> {
    if (high.sequence - low.sequence <= 1) return undefined
    const middle = Math.floor((low.sequence + high.sequence) / 2)
    return (
      (await this.probe(middle, high.sequence - 1)) ?? (await this.probeBack(middle - 1, low.sequence + 1))
    )
  }

  /** The first message of a relay from `sequence` on, up to `end`. */
  async probe(sequence: number, end: number): Promise<Probe | undefined> {
    for (let at = sequence; at <= Math.min(end, sequence + STRANGE_MAX); at++) {
      const found = await this.read(at)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The last message of a relay up to `sequence`, from `begin` on. */
  async probeBack(sequence: number, begin: number): Promise<Probe | undefined> {
    for (let at = sequence; at >= Math.max(begin, sequence - STRANGE_MAX); at--) {
      const found = await this.read(at)
      if (found !== undefined) return found
    }
    return undefined
  }

  private async read(sequence: number): Promise<Probe | undefined> {
    if (++this.probes > PROBES_MAX) throw new Error('the stream has too many epochs to be searched')
    const stored = await this.stream.message(sequence)
    return stored?.message === undefined ? undefined : probeOf(stored, stored.message)
  }
}

function probeOf({ sequence, storedAtNs }: StoredMessage, message: StreamMessage): Probe {
  return { sequence, storedAtNs, message }
}

/** A loss at the very offset of the place is told (again), so it stands after the place. */
function sideOf({ message }: Probe, { epoch, offset }: NamedOffset): Side {
  if (epochName(message.epoch) !== epoch) return 'other epoch'
  const isBefore = message.kind === 'ticks' ? message.offset <= offset : message.offset < offset
  return isBefore ? 'before' : 'after'
}

function startAt({ message, sequence }: Probe, hasEarlier: boolean): FoundStart {
  const offset = message.kind === 'ticks' ? message.offset - 1 : message.offset
  return { sequence, after: { epoch: epochName(message.epoch), offset }, hasEarlier, isAtEnd: false }
}
