/**
 * A feed with positions, in a process of its own. The tick at a position and the moment at which it comes follow from the
 * run, so a feed that was killed and started again goes on as if nothing had happened, and can send everything again.
 */
import type { ServerHttp2Stream } from 'node:http2'
import { encodeTickBatch, type Tick } from '../support/proto-messages.js'
import { type ScriptedCall, ScriptedFeed } from '../support/scripted-feed.js'
import { quote, trade } from '../support/ticks.js'
import { RUN_SPAN, RunRecord } from './run-record.js'

export interface FeedRun {
  readonly port: number
  readonly run: number
  /** When the tick at position 0 would have come, ms since 1970. */
  readonly startMs: number
  readonly ticksPerSecond: number
  readonly symbols: readonly string[]
}

/** To the process: the last position. From the process: it listens. */
export type FeedOrder = { readonly lastPosition: number }
export type FeedReady = { readonly isListening: true }

const SEND_INTERVAL_MS = 20
const BATCH_TICKS_MAX = 200
/** A stream that was asked for a position begins with up to so many ticks before it. */
const REPEATED_MAX = 30
/** Bytes that wait for a reader at most. */
const BUFFERED_MAX = 256 * 1024

const { port, run, startMs, symbols, ticksPerSecond } = JSON.parse(process.argv[2]!) as FeedRun
const record = new RunRecord(symbols)
const start = run * RUN_SPAN
let lastPosition = Number.POSITIVE_INFINITY

class Reader {
  private readonly call: ScriptedCall
  private next: number

  constructor(call: ScriptedCall) {
    this.call = call
    const asked = Number(call.request.fromPosition)
    // As the contract allows. Each call repeats another number of ticks.
    this.next = asked === 0 ? newest() + 1 : Math.max(1, asked - (asked % REPEATED_MAX))
    call.open(RunRecord.epochOf(start))
  }

  get isGone(): boolean {
    return this.call.stream.destroyed
  }

  send(): void {
    const { stream } = this.call
    while (!stream.destroyed && this.next <= newest() && bufferedBytes(stream) < BUFFERED_MAX) {
      const ticks: Partial<Tick>[] = []
      while (this.next <= newest() && ticks.length < BATCH_TICKS_MAX) {
        if (record.isSent(start + this.next)) ticks.push(tickAt(this.next))
        this.next++
      }
      if (ticks.length > 0) this.call.sendBytes(encodeTickBatch({ ticks }))
    }
  }
}

function newest(): number {
  return Math.min(lastPosition, Math.floor(((Date.now() - startMs) * ticksPerSecond) / 1000))
}

function tickAt(position: number): Partial<Tick> {
  const offset = start + position
  const symbol = record.symbolAt(offset)
  const tick = record.kindAt(offset) === 'quote' ? quote(symbol, offset) : trade(symbol, offset)
  return { ...tick, kind: tick.kind === 'quote' ? 1 : 2, position } as Partial<Tick>
}

function bufferedBytes(stream: ServerHttp2Stream): number {
  return stream.writableLength
}

const feed = new ScriptedFeed(port)
const readers = new Set<Reader>()
let callCount = 0

process.on('message', (order: FeedOrder) => {
  lastPosition = order.lastPosition
})
// The test has ended.
process.on('disconnect', () => process.exit())

await feed.start()
setInterval(() => {
  // A call may have ended before it is looked at.
  for (const call of feed.calls.slice(callCount)) if (!call.stream.destroyed) readers.add(new Reader(call))
  callCount = feed.calls.length
  for (const reader of readers) {
    if (reader.isGone) readers.delete(reader)
    else reader.send()
  }
}, SEND_INTERVAL_MS)
process.send?.({ isListening: true } satisfies FeedReady)
