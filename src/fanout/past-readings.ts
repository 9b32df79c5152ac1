/**
 * The readings of the past that clients have or wait for, and the talk with the thread that carries them out. Main thread.
 * Few are open at a time. The others wait in their order.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { FromHistory, ToHistory, WantedPast } from '../lane-protocol/history-messages.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { HistoryPoint } from '../ticks/stream-history.js'
import type { Recipient } from './recipient.js'

/** A thread that owes a reply for so long hangs. Each request to the source ends earlier. */
const REPLY_MS_MAX = 30_000

/** States: see past-transfers.ts. */
export const WAITING = 'waiting'
export const OPENING = 'opening'
export const OPEN = 'open'
export const READING = 'reading'
export const AHEAD = 'ahead'

/** The reading of one client. */
export class PastReading {
  readonly recipient: Recipient
  state: typeof WAITING | typeof OPENING | typeof OPEN | typeof READING | typeof AHEAD = WAITING
  /** As the thread knows it; 0: the thread does not. Each opening has a new one. */
  id = 0
  /** Whether the client has room for a part, and is in the midst of its replay. */
  wantsPart = false
  /** Whether the thread was told what the client wants. */
  hasTold = false
  /** Parts since the reading was opened. */
  parts = 0
  /** When the last ticks came, or the client began to wait for them, ms. */
  progressMs: number
  /** When the thread was asked what it has not replied to, ms; 0: nothing. */
  askedMs = 0
  /** Looks for more, or opens again. */
  timer: Timer | undefined

  constructor(recipient: Recipient, nowMs: number) {
    this.recipient = recipient
    this.progressMs = nowMs
  }
}

export interface PastReadingsDeps {
  /** Sends the thread a message. The thread is started if it does not run. */
  readonly send: (message: ToHistory) => void
  /** Ends the thread, which makes no progress. */
  readonly terminate: () => void
  /** Nobody reads: the thread may end. */
  readonly idle: () => void
  /** Where a reading is to begin whose turn has come; undefined: its client needs none now. */
  readonly pointOf: (recipient: Recipient) => HistoryPoint | undefined
  readonly clock: Pick<Clock, 'after' | 'nowMs'>
  readonly counters: Pick<CounterWriter, 'values'>
  /** Readings that are open at a time. */
  readonly readersMax: number
  /** Readings that may wait. */
  readonly queueMax: number
}

export class PastReadings {
  private readonly deps: PastReadingsDeps
  private readonly byRecipient = new Map<Recipient, PastReading>()
  /** Those that the thread knows. */
  private readonly byId = new Map<number, PastReading>()
  /** Those that wait for a reader, in their order. */
  private readonly queue = new Set<PastReading>()
  private lastId = 0
  private hangTimer: Timer | undefined

  constructor(deps: PastReadingsDeps) {
    this.deps = deps
  }

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    return this.queue.size < this.deps.queueMax || this.activeCount < this.deps.readersMax
  }

  /** Whether others wait for a reader. */
  get areOthersWaiting(): boolean {
    return this.queue.size > 0
  }

  get(recipient: Recipient): PastReading | undefined {
    return this.byRecipient.get(recipient)
  }

  /** The readings that the thread knows. */
  get open(): PastReading[] {
    return [...this.byId.values()]
  }

  /** Whether the thread knows none. */
  get hasNoneOpen(): boolean {
    return this.byId.size === 0
  }

  add(recipient: Recipient): PastReading {
    const reading = new PastReading(recipient, this.deps.clock.nowMs())
    this.byRecipient.set(recipient, reading)
    this.enqueue(reading)
    return reading
  }

  /** Waits for a reader, behind all others. */
  enqueue(reading: PastReading): void {
    this.close(reading)
    this.queue.add(reading)
    this.advance()
  }

  /** Opens a closed reading again after a time. It keeps its reader. */
  enqueueLater(reading: PastReading, delayMs: number): void {
    this.close(reading)
    reading.timer = this.deps.clock.after(delayMs, () => this.enqueue(reading))
  }

  /** Safe to call twice. */
  remove(recipient: Recipient): void {
    const reading = this.byRecipient.get(recipient)
    if (reading === undefined) return
    this.close(reading)
    this.byRecipient.delete(recipient)
    this.queue.delete(reading)
    this.advance()
  }

  /** Asks the thread for the next part. @param wanted see ToHistory */
  askForPart(reading: PastReading, seq: number, wanted: WantedPast | undefined): void {
    reading.state = READING
    reading.wantsPart = false
    reading.hasTold = true
    this.ask(reading, { type: 'next', reading: reading.id, seq, wanted })
  }

  /** The thread has replied. @returns the reading that the reply is for; undefined: it was closed */
  repliedTo({ reading: id }: FromHistory): PastReading | undefined {
    const reading = this.byId.get(id)
    if (reading !== undefined) reading.askedMs = 0
    return reading
  }

  stop(): void {
    for (const recipient of [...this.byRecipient.keys()]) this.remove(recipient)
    this.hangTimer?.cancel()
    this.hangTimer = undefined
  }

  private get activeCount(): number {
    return this.byRecipient.size - this.queue.size
  }

  /** The thread knows nothing of the reading any more. */
  private close(reading: PastReading): void {
    reading.timer?.cancel()
    reading.timer = undefined
    reading.askedMs = 0
    reading.state = WAITING
    if (this.byId.delete(reading.id)) this.deps.send({ type: 'close', reading: reading.id })
  }

  /** Lets clients read that wait, as far as there are readers. */
  private advance(): void {
    const { counters, idle, readersMax } = this.deps
    if (this.queue.size > 0 && this.activeCount >= readersMax) this.takeFromBlocked()
    for (const reading of this.queue) {
      if (this.activeCount >= readersMax) break
      this.queue.delete(reading)
      this.begin(reading)
    }
    counters.values[MAIN_SLOTS.historyReadings] = this.byRecipient.size
    if (this.byRecipient.size === 0) idle()
  }

  /** A client that does not read its socket gives its reader away. It waits again when it reads. */
  private takeFromBlocked(): void {
    for (const reading of this.byId.values())
      if (reading.state === OPEN && reading.recipient.isBlocked) {
        this.close(reading)
        this.byRecipient.delete(reading.recipient)
        return
      }
  }

  private begin(reading: PastReading): void {
    const point = this.deps.pointOf(reading.recipient)
    if (point === undefined) {
      this.byRecipient.delete(reading.recipient)
      return
    }
    reading.state = OPENING
    reading.id = ++this.lastId
    reading.hasTold = false
    reading.parts = 0
    this.byId.set(reading.id, reading)
    this.ask(reading, { type: 'open', reading: reading.id, point })
  }

  private ask(reading: PastReading, message: ToHistory): void {
    const { clock, send } = this.deps
    reading.askedMs = clock.nowMs()
    send(message)
    this.hangTimer ??= clock.after(REPLY_MS_MAX, () => this.lookForHang())
  }

  private lookForHang(): void {
    const { clock, terminate } = this.deps
    this.hangTimer = undefined
    const asked = this.open.flatMap(({ askedMs }) => (askedMs === 0 ? [] : askedMs))
    if (asked.some(askedMs => clock.nowMs() - askedMs >= REPLY_MS_MAX)) terminate()
    else if (asked.length > 0) this.hangTimer = clock.after(REPLY_MS_MAX, () => this.lookForHang())
  }
}
