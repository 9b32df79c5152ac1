/**
 * What waits for room in the tick log, in the order of the stream: stream events, and ticks of a source that was paused
 * too late. Main thread. Ticks beyond the bound are given up, and an event in their place says how many.
 */
import {
  decodeEvent,
  encodeEvent,
  type FeedStatus,
  type LostEvent,
  offsetsOf,
  type StreamEvent,
} from '../lane-protocol/stream-events.js'
import { RECORD_HEADER_BYTES, type RecordType, STREAM_EVENT } from '../memory/tick-log-layout.js'
import { MISSED_MAX } from '../protocol/messages.js'

/** Events may take so many bytes beyond the bound: about 800 events. */
const EVENT_BYTES_MAX = 64 * 1024

/** A record that is not in the log yet. */
export interface WaitingRecord {
  readonly type: RecordType
  /** Ticks in it. */
  readonly count: number
  /** Offsets that it takes. */
  readonly offsets: number
  readonly payload: Uint8Array
  /** When its ticks reached the gateway, µs; 0: it is an event. */
  readonly receivedUs: number
  /** The loss that the record tells; undefined: it tells none. */
  readonly lost: LostEvent | undefined
  /** The state of the feed that the record tells; undefined: it tells none. */
  readonly status: FeedStatus | undefined
}

/** The record of an event. */
export function eventRecord(event: StreamEvent): WaitingRecord {
  return {
    type: STREAM_EVENT,
    count: 0,
    offsets: offsetsOf(event),
    payload: encodeEvent(event),
    receivedUs: 0,
    lost: event.op === 'lost' ? event : undefined,
    status: event.op === 'status' ? event.status : undefined,
  }
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
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): void {
    const bytes = RECORD_HEADER_BYTES + end - start
    if (this.bytes + bytes > this.bytesMax || this.endsWithOverload)
      this.addLoss({ op: 'lost', reason: 'overload', missed: count })
    // Of a Buffer, `slice` is no copy.
    else
      this.add({
        type,
        count,
        offsets: count,
        payload: new Uint8Array(message.subarray(start, end)),
        receivedUs,
        lost: undefined,
        status: undefined,
      })
  }

  addEvent(event: StreamEvent): void {
    if (event.op === 'lost') this.addLoss(event)
    else {
      if (event.op === 'status') this.dropLastStatus()
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
   * Beyond the bound no tick is added, so the backlog ends with events alone. Of these stay one loss for each reason, the
   * last session and the last status. The session is told as one that does not continue: what was lost is then unknown.
   */
  private shorten(): void {
    const { records } = this
    let first = records.length
    while (records[first - 1]?.type === STREAM_EVENT) first--
    const events = records.splice(first).map(record => {
      this.bytes -= bytesOf(record)
      return decodeEvent(record.payload)
    })
    for (const event of events) if (event.op === 'lost') this.addLoss(event)
    const sessions = events.filter(event => event.op === 'session')
    const isFirst = sessions.every(event => event.first)
    const session = sessions.at(-1)
    if (session !== undefined) this.add(eventRecord({ ...session, first: isFirst, continuous: false }))
    const status = events.findLast(event => event.op === 'status')
    if (status !== undefined) this.add(eventRecord(status))
  }

  /** Of states of the feed that wait side by side, only the last one is told. */
  private dropLastStatus(): void {
    const last = this.records.at(-1)
    if (last?.status === undefined) return
    this.records.pop()
    this.bytes -= bytesOf(last)
  }

  /** Losses that wait side by side are told as one for each reason. */
  private addLoss(loss: LostEvent): void {
    const { records } = this
    for (let index = records.length - 1; records[index]?.lost !== undefined; index--) {
      const before = records[index]!.lost!
      if (!isAlike(before, loss)) continue
      this.bytes -= bytesOf(records[index]!)
      records[index] = eventRecord({ ...before, missed: sumOf(before.missed, loss.missed) })
      this.bytes += bytesOf(records[index]!)
      return
    }
    this.add(eventRecord(loss))
  }

  /** Whether ticks were given up behind all other ticks that wait. */
  private get endsWithOverload(): boolean {
    const { records } = this
    for (let index = records.length - 1; records[index]?.lost !== undefined; index--) {
      const { isUnnumbered, reason } = records[index]!.lost!
      if (reason === 'overload' && !isUnnumbered) return true
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

function isAlike(one: LostEvent, other: LostEvent): boolean {
  return one.reason === other.reason && one.isUnnumbered === other.isUnnumbered
}

/** Of two losses; null: unknown, or more than a gap counts. */
function sumOf(one: number | null, other: number | null): number | null {
  return one === null || other === null || one + other > MISSED_MAX ? null : one + other
}
