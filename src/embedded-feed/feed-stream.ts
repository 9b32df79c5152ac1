/**
 * One subscriber of a feed server: a cursor into the tick history and a call to write to. Feed's thread.
 * At most one 16-message buffer of grpc-js is ahead of the subscriber; everything else waits in the history.
 */
import type { StreamRequest } from '../sources/grpc/feed-messages.js'
import type { MessageForm } from '../sources/tick-source.js'
import type { TickHistory } from './tick-history.js'

/** What a stream needs of its call; true from `write` means that more may follow at once. */
export interface FeedCall {
  write(message: Buffer): boolean
}

export interface BatchLimits {
  readonly ticksMax: number
  readonly bytesMax: number
}

/**
 * After `send`: `blocked` until the call drains; `waiting` for ticks that the feed has yet to make; or `lost`,
 * when the stream named symbols and ticks it never saw have left the history, so no hole could be seen.
 */
export type SendResult = 'blocked' | 'waiting' | 'lost'

export class FeedStream {
  readonly #history: TickHistory
  readonly #call: FeedCall
  readonly #form: MessageForm
  readonly #limits: BatchLimits
  readonly #symbols: ReadonlySet<string> | undefined
  /** The next position to look at. */
  #cursor: number
  #blocked = false

  constructor(
    history: TickHistory,
    call: FeedCall,
    form: MessageForm,
    request: StreamRequest,
    limits: BatchLimits,
  ) {
    this.#history = history
    this.#call = call
    this.#form = form
    this.#limits = limits
    this.#symbols = request.symbols.length > 0 ? new Set(request.symbols) : undefined
    // What was asked for and is gone already is no loss on the way: the stream begins with the oldest.
    const from = Number(request.fromPosition)
    this.#cursor = from > 0 ? Math.max(from, history.oldest) : history.newest + 1
  }

  /** The first position that was not sent; one more than the newest when all were. */
  get cursor(): number {
    return this.#cursor
  }

  get blocked(): boolean {
    return this.#blocked
  }

  /** The call's buffer is empty again; `send` goes on. */
  drained(): void {
    this.#blocked = false
  }

  /** Writes what the history holds for this subscriber, until the call says stop. */
  send(): SendResult {
    const history = this.#history
    while (!this.#blocked && this.#cursor <= history.newest) {
      if (this.#cursor < history.oldest) {
        if (this.#symbols) return 'lost'
        this.#cursor = history.oldest
      }
      if (this.#symbols) this.#sendSelected(this.#symbols)
      else if (this.#form === 'tick') this.#write(history.copyTick(this.#cursor++))
      else this.#sendRun()
    }
    return this.#blocked ? 'blocked' : 'waiting'
  }

  #sendRun(): void {
    const end = this.#history.endOfRun(this.#cursor, this.#limits.ticksMax, this.#limits.bytesMax)
    this.#write(this.#history.copyRun(this.#cursor, end))
    this.#cursor = end
  }

  #sendSelected(symbols: ReadonlySet<string>): void {
    const history = this.#history
    const entries: Buffer[] = []
    let bytes = 0
    while (this.#cursor <= history.newest && entries.length < this.#limits.ticksMax) {
      if (symbols.has(history.symbolAt(this.#cursor))) {
        if (this.#form === 'tick') {
          this.#write(history.copyTick(this.#cursor++))
          return
        }
        bytes += history.entryLength(this.#cursor)
        if (entries.length > 0 && bytes > this.#limits.bytesMax) break
        entries.push(history.copyRun(this.#cursor, this.#cursor + 1))
      }
      this.#cursor++
    }
    if (entries.length > 0) this.#write(Buffer.concat(entries))
  }

  #write(message: Buffer): void {
    this.#blocked = !this.#call.write(message)
  }
}
