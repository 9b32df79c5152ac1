/**
 * What waits for room in the tick log, in the order of the stream: stream events, and ticks of a source that was paused
 * too late. Main thread. Ticks beyond the bound are given up, and an event in their place says how many.
 */
import { encodeEvent, type LostEvent, type StreamEvent } from '../lane-protocol/stream-events.js'
import { RECORD_HEADER_BYTES, type RecordType, STREAM_EVENT } from '../memory/tick-log-layout.js'
import { MISSED_MAX } from '../protocol/messages.js'

/** Events may take so many bytes beyond the bound: about 800 events. */
const EVENT_BYTES_MAX = 64 * 1024

/** A record that is not in the log yet. */
export interface WaitingRecord {
  readonly type: RecordType
  /** Ticks in it. */
  readonly count: number
  /** Offset of the first tick; 0 of an event. */
  readonly offset: number
  readonly payload: Uint8Array
  /** When its ticks reached the gateway, µs; 0: it is an event. */
  readonly receivedUs: number
  /** What the record tells; undefined: it holds ticks. */
  readonly event: StreamEvent | undefined
}

/** The record of an event. */
export function eventRecord(event: StreamEvent): WaitingRecord {
  return { type: STREAM_EVENT, count: 0, offset: 0, payload: encodeEvent(event), receivedUs: 0, event }
}

export class LogBacklog {
  private readonly bytesMax: number
  private records: WaitingRecord[] = []
  private bytes = 0

  /**
   * @param bytesMax of ticks that wait. Events may wait beyond that, up to EVENT_BYTES_MAX: losses side by side are one
   * event for each reason
   */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get isEmpty(): boolean {
    return this.records.length === 0
  }

  /** Adds ticks; gives them up where they do not fit, or where ticks before them were given up. */
  addTicks(
    type: RecordType,
    count: number,
    offset: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): void {
    const bytes = RECORD_HEADER_BYTES + end - start
    if (this.bytes + bytes > this.bytesMax || this.endsWithOverload) {
      const to = offset + count - 1
      this.addLoss({ op: 'lost', reason: 'overload', missed: count, from: offset, to, offset: to })
      return
    }
    // Of a Buffer, `slice` is no copy.
    const payload = new Uint8Array(message.subarray(start, end))
    this.add({ type, count, offset, payload, receivedUs, event: undefined })
  }

  addEvent(event: StreamEvent): void {
    if (event.op === 'lost') this.addLoss(event)
    else {
      this.dropLastStatus()
      this.add(eventRecord(event))
    }
    if (this.bytes > this.bytesMax + EVENT_BYTES_MAX) this.shorten()
  }

  /** Appends the records in their order, until `tryAppend` returns false. */
  appendAll(tryAppend: (record: WaitingRecord) => boolean): void {
    const { records } = this
    let appended = 0
    while (appended < records.length && tryAppend(records[appended]!))
      this.bytes -= bytesOf(records[appended++]!)
    records.splice(0, appended)
  }

  /**
   * Beyond the bound no tick is added, so the backlog ends with events alone. Of these stay the beginning of the last
   * epoch, one loss for each reason behind it, and the last status. What was lost before that epoch is then unknown.
   */
  private shorten(): void {
    const { records } = this
    let first = records.length
    while (records[first - 1]?.event !== undefined) first--
    const events = records.splice(first).map(record => {
      this.bytes -= bytesOf(record)
      return record.event!
    })
    const losses = events.filter(event => event.op === 'lost')
    const begins = losses.findLastIndex(({ epoch }) => epoch !== undefined)
    if (begins > 0) losses.splice(0, begins + 1, { ...losses[begins]!, missed: null })
    for (const loss of losses) this.addLoss(loss)
    const status = events.findLast(event => event.op === 'status')
    if (status !== undefined) this.add(eventRecord(status))
  }

  /** Of states of the feed that wait side by side, only the last one is told. */
  private dropLastStatus(): void {
    if (this.records.at(-1)?.event?.op === 'status') this.bytes -= bytesOf(this.records.pop()!)
  }

  /** Losses that wait side by side are told as one for each reason, in the order of their last offsets. */
  private addLoss(loss: LostEvent): void {
    const { records } = this
    for (let index = records.length - 1; index >= 0; index--) {
      const before = lossOf(records[index]!)
      // What is before the beginning of an epoch stays there.
      if (before === undefined || before.epoch !== undefined || loss.epoch !== undefined) break
      if (!isAlike(before, loss)) continue
      this.bytes -= bytesOf(records.splice(index, 1)[0]!)
      this.add(eventRecord(sumOf(before, loss)))
      return
    }
    this.add(eventRecord(loss))
  }

  /** Whether ticks were given up behind all other ticks that wait. */
  private get endsWithOverload(): boolean {
    const { records } = this
    for (let index = records.length - 1; index >= 0; index--) {
      const loss = lossOf(records[index]!)
      if (loss === undefined) return false
      if (loss.reason === 'overload' && hasOffsets(loss)) return true
    }
    return false
  }

  private add(record: WaitingRecord): void {
    this.records.push(record)
    this.bytes += bytesOf(record)
  }
}

function bytesOf({ payload }: WaitingRecord): number {
  return RECORD_HEADER_BYTES + payload.length
}

function lossOf({ event }: WaitingRecord): LostEvent | undefined {
  return event?.op === 'lost' ? event : undefined
}

/** Whether the lost ticks have offsets. */
function hasOffsets({ from, to }: LostEvent): boolean {
  return to >= from
}

function isAlike(one: LostEvent, other: LostEvent): boolean {
  return one.reason === other.reason && hasOffsets(one) === hasOffsets(other)
}

/** Two losses in one; `missed` is null where it is unknown, or more than a gap counts. */
function sumOf(one: LostEvent, other: LostEvent): LostEvent {
  const isUnknown = one.missed === null || other.missed === null || one.missed + other.missed > MISSED_MAX
  return {
    ...one,
    missed: isUnknown ? null : one.missed! + other.missed!,
    to: hasOffsets(one) ? other.to : one.to,
    offset: other.offset,
  }
}
