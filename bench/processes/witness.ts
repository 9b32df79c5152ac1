/**
 * Checks what one client receives, and when: message numbers, offsets, and the sequences of each symbol, if the server
 * sends them.
 * A silent error is a tick that is missing, doubled or out of order, without a message that says so.
 */
import { isUtf8 } from 'node:buffer'
import { inflateRawSync, constants as zlib } from 'node:zlib'
import type { GapMessage, GoodbyeMessage, TickJson } from '../../src/protocol/messages.js'
import type { MessageReader } from './load-client.js'
import { Samples } from './samples.js'

export interface WitnessOptions {
  /** Whether the client receives every tick of all symbols, so that offsets have no holes. */
  readonly getsAll: boolean
  /** Whether the client receives each tick, so that sequences have no holes; else the latest of each symbol. */
  readonly getsEvery: boolean
  /**
   * One of so many messages is parsed completely. Of the others, only the numbers at the start are read. Above 1 only
   * with `getsAll`.
   */
  readonly parseEvery: number
}

/** A message of Ringcast or of a peer. A peer leaves out the fields that it cannot know. */
type Message =
  | { readonly type: 'status'; readonly feed: 'down' | 'live' }
  | { readonly type: 'subscribed'; readonly seq: number; readonly offset: number }
  | { readonly type: 'snapshot'; readonly seq: number; readonly ticks: readonly TickJson[] }
  | {
      readonly type: 'ticks'
      readonly seq?: number
      readonly offset?: number
      readonly ticks: readonly TickJson[]
    }
  | GapMessage
  | GoodbyeMessage

/** The start of every `ticks` message with numbers. */
const HEAD = /"type":"ticks","seq":(\d+),"offset":(\d+)/
const HEAD_BYTES_MAX = 96
/**
 * A message that is longer than this is a `ticks` message: for a client that names no symbols, all others are shorter.
 */
const PREFIX_BYTES = 1024
/** The text that socket.io puts before an event. */
const EVENT = '42["ticks",'
/** Completes a compressed message for DEFLATE: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2 */
const DEFLATE_TAIL = Buffer.from([0, 0, 0xff, 0xff])
const DEFLATE_WINDOW_BYTES = 32 * 1024

export class Witness implements MessageReader {
  /** Ticks that the client has received. */
  ticks = 0
  /** Missing ticks, as the sequences show. */
  lost = 0
  readonly errors: string[] = []
  errorCount = 0
  /** Missing ticks according to gap messages, by reason. A gap without a number counts as one. */
  readonly missed = new Map<string, number>()
  /** Gap messages without a number. */
  unknownLosses = 0
  /** Latency from a tick's time to its arrival here, µs. */
  readonly latenciesUs = new Samples()
  keepsWindow: boolean | undefined
  private readonly options: WitnessOptions
  private message = Buffer.allocUnsafe(1 << 16)
  private length = 0
  private messages = 0
  private window = Buffer.alloc(0)
  private seq: number | undefined
  private offset: number | undefined
  private readonly sequences = new Map<string, number>()

  constructor(options: WitnessOptions) {
    this.options = options
  }

  /** Missing ticks without a gap message. */
  get silent(): number {
    let told = 0
    for (const missed of this.missed.values()) told += missed
    return Math.max(0, this.lost - told)
  }

  /** 0: the client has received no tick yet. */
  get lastOffset(): number {
    return this.offset ?? 0
  }

  take(buffer: Uint8Array, start: number, length: number): void {
    const wanted = this.parsesThis ? length : Math.min(length, PREFIX_BYTES - this.length)
    if (this.length + wanted > this.message.length) {
      const wider = Buffer.allocUnsafe(2 * (this.length + wanted))
      this.message.copy(wider, 0, 0, this.length)
      this.message = wider
    }
    this.message.set(buffer.subarray(start, start + wanted), this.length)
    this.length += wanted
  }

  messageEnded(isCompressed: boolean): void {
    const bytes = this.message.subarray(0, this.length)
    const isWhole = this.parsesThis || this.length < PREFIX_BYTES
    this.length = 0
    this.messages++
    if (isWhole) this.readWhole(isCompressed ? this.inflated(bytes) : bytes)
    else this.readHead(bytes.toString('latin1', 0, HEAD_BYTES_MAX))
  }

  private get parsesThis(): boolean {
    return this.messages % this.options.parseEvery === 0
  }

  private inflated(bytes: Buffer): Buffer {
    const whole = inflateRawSync(Buffer.concat([bytes, DEFLATE_TAIL]), {
      finishFlush: zlib.Z_SYNC_FLUSH,
      ...(this.window.length > 0 && { dictionary: this.window }),
    })
    if (this.keepsWindow) this.window = Buffer.concat([this.window, whole]).subarray(-DEFLATE_WINDOW_BYTES)
    return whole
  }

  private readHead(head: string): void {
    const numbers = HEAD.exec(head)
    if (numbers === null) {
      this.fail(`a message that begins with ${head}`)
      return
    }
    const offset = Number(numbers[2])
    this.checkSeq(Number(numbers[1]))
    this.ticks += offset - (this.offset ?? offset)
    this.offset = offset
  }

  private readWhole(bytes: Buffer): void {
    if (!isUtf8(bytes)) this.fail('a message that is no UTF-8')
    const text = bytes.toString()
    const isEvent = text.startsWith(EVENT)
    // The other packets of socket.io carry no ticks.
    if (!isEvent && /^\d/.test(text)) return
    try {
      this.read(JSON.parse(isEvent ? text.slice(EVENT.length, -1) : text) as Message)
    } catch (error) {
      this.fail(`${(error as Error).message}: ${text.slice(0, 200)}`)
    }
  }

  private read(message: Message): void {
    switch (message.type) {
      case 'ticks':
        this.check(message.seq, message.offset, message.ticks)
        break
      case 'subscribed':
        this.seq = message.seq
        this.offset = message.offset
        break
      case 'snapshot':
        this.seq = message.seq
        for (const { symbol, kind, sequence } of message.ticks) {
          this.sequences.set(kind + symbol, Number(sequence))
        }
        break
      case 'gap':
        this.checkGap(message)
        break
      case 'status':
        if (message.feed === 'down' && this.ticks > 0) this.fail('the feed of the gateway is down')
        break
      case 'goodbye':
        this.checkGoodbye(message)
        break
      default:
        this.fail(`a message that nobody asked for: ${JSON.stringify(message).slice(0, 200)}`)
    }
  }

  private check(seq: number | undefined, offset: number | undefined, ticks: readonly TickJson[]): void {
    const arrivedUs = (performance.timeOrigin + performance.now()) * 1000
    if (seq !== undefined) this.checkSeq(seq)
    if (offset !== undefined) {
      const before = this.offset
      const { getsAll, getsEvery } = this.options
      const isNext =
        before === undefined ||
        (getsAll && getsEvery ? offset === before + ticks.length : offset >= before + Number(getsEvery))
      if (!isNext) this.fail(`offset ${offset} with ${ticks.length} ticks after ${before}`)
      this.offset = offset
    }
    this.ticks += ticks.length
    for (const { symbol, kind, sequence, time } of ticks) {
      this.checkSequence(kind, symbol, Number(sequence))
      this.latenciesUs.push(arrivedUs - time)
    }
  }

  private checkSeq(seq: number): void {
    if (this.seq !== undefined && seq !== this.seq + 1) this.fail(`seq ${seq} after ${this.seq}`)
    this.seq = seq
  }

  private checkSequence(kind: string, symbol: string, sequence: number): void {
    const key = kind + symbol
    const before = this.sequences.get(key)
    this.sequences.set(key, sequence)
    if (before === undefined) return
    if (sequence <= before) this.fail(`${kind} ${sequence} of ${symbol} after ${before}`)
    else if (this.options.getsEvery && this.options.parseEvery === 1) this.lost += sequence - before - 1
  }

  private checkGap({ reason, missed, from, to, seq, epoch, offset = to }: GapMessage): void {
    // Only a client with an overrun finds that the numbers of its audience have gone on.
    if (reason !== 'slow' && this.seq !== undefined && seq !== this.seq)
      this.fail(`a gap at seq ${seq} after ${this.seq}`)
    const isNext =
      reason !== 'slow' || epoch !== undefined || this.offset === undefined || from === this.offset + 1
    if (this.options.getsAll && this.options.getsEvery && !isNext)
      this.fail(`a gap from ${from} after ${this.offset}`)
    // A gap of no ticks tells a client that came before the feed the epoch of the feed.
    if (missed !== 0) this.missed.set(reason, (this.missed.get(reason) ?? 0) + (missed ?? 1))
    if (missed === null) this.unknownLosses++
    this.seq = seq
    // Where the gateway counts, a loss takes an offset that no message names.
    this.offset = missed === null && epoch === undefined ? undefined : offset
  }

  /** The place of a client that gets all ticks is its last tick. */
  private checkGoodbye({ resume }: GoodbyeMessage): void {
    const offset = Number(resume.split(':')[1])
    if (this.options.getsAll && this.offset !== undefined && offset !== this.offset)
      this.fail(`a goodbye at ${offset} after ${this.offset}`)
  }

  private fail(what: string): void {
    this.errorCount++
    if (this.errors.length < 5) this.errors.push(what)
  }
}
