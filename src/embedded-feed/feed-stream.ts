/**
 * One subscriber of a feed server: a call, and a cursor into the tick history. Feed's thread.
 * At most the 16 messages that grpc-js buffers are ahead of the subscriber. All other ticks wait in the history.
 */

import type { MessageForm } from '../ingest/tick-sink.js'
import type { StreamRequest } from '../sources/grpc/feed-messages.js'
import type { TickHistory } from './tick-history.js'

/** The call of a subscriber. */
export interface FeedCall {
  /** Returns whether the call can take another message at once. */
  write(message: Buffer): boolean
}

export interface BatchLimits {
  readonly ticksMax: number
  readonly bytesMax: number
}

/**
 * blocked   until the call drains
 * waiting   for ticks that the feed has not made yet
 * lost      the subscriber named symbols, and ticks left the history before they were looked at. Its positions have
 *           holes anyway, so it could not see this one
 */
export type SendResult = 'blocked' | 'waiting' | 'lost'

export class FeedStream {
  private readonly history: TickHistory
  private readonly call: FeedCall
  private readonly form: MessageForm
  private readonly limits: BatchLimits
  private readonly symbols: ReadonlySet<string> | undefined
  /** The next position to look at. */
  private _cursor: number
  private _isBlocked = false

  constructor(
    history: TickHistory,
    call: FeedCall,
    form: MessageForm,
    request: StreamRequest,
    limits: BatchLimits,
  ) {
    this.history = history
    this.call = call
    this.form = form
    this.limits = limits
    this.symbols = request.symbols.length > 0 ? new Set(request.symbols) : undefined
    // The stream begins with the oldest tick if the requested one is gone: the subscriber sees that in the position.
    const from = Number(request.fromPosition)
    this._cursor = from > 0 ? Math.max(from, history.oldest) : history.newest + 1
  }

  /** The first position that was not sent; one more than the newest when every tick was sent. */
  get cursor(): number {
    return this._cursor
  }

  get isBlocked(): boolean {
    return this._isBlocked
  }

  /** The buffer of the call is empty: `send` may write again. */
  drained(): void {
    this._isBlocked = false
  }

  /** Writes the ticks that the history holds for this subscriber, until the call is blocked. */
  send(): SendResult {
    const history = this.history
    while (!this._isBlocked && this._cursor <= history.newest) {
      if (this._cursor < history.oldest) {
        if (this.symbols) return 'lost'
        this._cursor = history.oldest
      }
      if (this.symbols) this.sendSelected(this.symbols)
      else if (this.form === 'tick') this.write(history.copyTick(this._cursor++))
      else this.sendRun()
    }
    return this._isBlocked ? 'blocked' : 'waiting'
  }

  private sendRun(): void {
    const end = this.history.endOfRun(this._cursor, this.limits.ticksMax, this.limits.bytesMax)
    this.write(this.history.copyBatch(this._cursor, end))
    this._cursor = end
  }

  private sendSelected(symbols: ReadonlySet<string>): void {
    const history = this.history
    const entries: Buffer[] = []
    let bytes = 0
    while (this._cursor <= history.newest && entries.length < this.limits.ticksMax) {
      if (symbols.has(history.symbolAt(this._cursor))) {
        if (this.form === 'tick') {
          this.write(history.copyTick(this._cursor++))
          return
        }
        bytes += history.entryLength(this._cursor)
        if (entries.length > 0 && bytes > this.limits.bytesMax) break
        entries.push(history.copyRun(this._cursor, this._cursor + 1))
      }
      this._cursor++
    }
    if (entries.length > 0) this.write(Buffer.concat(entries))
  }

  private write(message: Buffer): void {
    this._isBlocked = !this.call.write(message)
  }
}
