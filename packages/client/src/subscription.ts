/** What the caller gets of `subscribe`: the items of its entries, by listeners or by one iterator. */
import { OverflowError } from './errors.js'
import { ItemQueue, type Overflow } from './item-queue.js'
import type { Item } from './items.js'
import { Listeners } from './listeners.js'
import type { DeliveryName, TickHead } from './messages.js'

export interface SubscribeOptions {
  /** `every` tick in order (default), or the `latest` tick of each symbol and kind. */
  readonly delivery?: DeliveryName
  /** With `latest`: ms between two updates, 0 to 60,000. Default 0: as fast as the connection takes them. */
  readonly interval?: number
  /** Whether to begin with the latest ticks that are known. Default: with `latest`. */
  readonly snapshot?: boolean
  /** Begin with the ticks since a time (RFC 3339), or so long ago (`-15m`). Only for entries that nobody has yet. */
  readonly since?: string
  /** The most ticks that wait for an iterator. Default 10,000. */
  readonly queueTicks?: number
  /** What happens beyond that. Default `gap`, with `latest` delivery `conflate`. */
  readonly overflow?: Overflow
}

export type ItemType = Item<TickHead>['type']
export type ItemOf<Tick extends TickHead, Type extends ItemType> = Extract<Item<Tick>, { type: Type }>

/** How a reader of the subscription waits. */
interface Waiting<Tick extends TickHead> {
  resolve(result: IteratorResult<Item<Tick>, undefined>): void
  reject(error: Error): void
}

const QUEUE_TICKS = 10_000
const READ_ALREADY = 'use listeners or one iterator, not both'

/**
 * Read it by listeners or by one iterator. What comes before the first listener, or before the iterator takes it, waits in a
 * bounded queue.
 */
export class Subscription<Tick extends TickHead> implements AsyncIterable<Item<Tick>> {
  readonly symbols: readonly string[]
  /** The error that ended it; undefined while it goes on. */
  error: Error | undefined
  /** `<epoch>:<offset>` behind the last item with ticks that was read. */
  readPosition: string | undefined
  private readonly queue: ItemQueue<Tick>
  private readonly listeners = new Map<ItemType, Listeners<Item<Tick>>>()
  private readonly onClose: () => void
  private mode: 'queued' | 'listeners' | 'iterator' = 'queued'
  private waiting: Waiting<Tick> | undefined
  private isClosed = false

  /** Use `stream.subscribe`. */
  constructor(symbols: readonly string[], options: SubscribeOptions, onClose: () => void) {
    this.symbols = symbols
    this.onClose = onClose
    const overflow = options.overflow ?? (options.delivery === 'latest' ? 'conflate' : 'gap')
    this.queue = new ItemQueue(options.queueTicks ?? QUEUE_TICKS, overflow)
  }

  /** Whether items wait for a reader. */
  get isBehind(): boolean {
    return !this.queue.isEmpty
  }

  /**
   * Calls `listener` with each item of the type. Register all listeners of a subscription at once: what came before is
   * given to them when the caller has returned.
   *
   * @returns a function that removes the listener
   */
  on<Type extends ItemType>(type: Type, listener: (item: ItemOf<Tick, Type>) => void): () => void {
    if (this.mode === 'iterator') throw new TypeError(READ_ALREADY)
    if (this.mode === 'queued') {
      this.mode = 'listeners'
      queueMicrotask(() => {
        for (const item of this.queue.takeAll()) this.call(item)
      })
    }
    const listeners = this.listeners.get(type) ?? new Listeners()
    this.listeners.set(type, listeners)
    return listeners.add(listener as (item: Item<Tick>) => void)
  }

  /** The items, until `close()`. Throws the error that ends the stream. Leaving the loop closes the subscription. */
  [Symbol.asyncIterator](): AsyncIterator<Item<Tick>, undefined> {
    if (this.mode === 'listeners') throw new TypeError(READ_ALREADY)
    this.mode = 'iterator'
    return {
      next: () => this.next(),
      return: async () => {
        this.close()
        return { done: true, value: undefined }
      },
    }
  }

  /** Ends the subscription. The gateway is told some time later, unless somebody subscribes again meanwhile. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.queue.takeAll()
    this.onClose()
    this.settle()
  }

  /** For the stream. */
  push(item: Item<Tick>): void {
    if (this.isClosed) return
    if (this.mode === 'listeners' && this.queue.isEmpty) {
      this.call(item)
      return
    }
    if (this.queue.push(item)) this.settle()
    else this.overflowed()
  }

  /** For the stream: it has ended. undefined: it goes on again. */
  end(error: Error | undefined): void {
    this.error = error
    if (error !== undefined) this.settle()
  }

  private async next(): Promise<IteratorResult<Item<Tick>, undefined>> {
    if (this.waiting !== undefined) throw new TypeError('wait for one item before the next')
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.settle()
    })
  }

  /** Gives a reader that waits what there is. */
  private settle(): void {
    const { error, isClosed, queue, waiting } = this
    if (waiting === undefined || (queue.isEmpty && !isClosed && error === undefined)) return
    this.waiting = undefined
    const item = queue.shift()
    if (item !== undefined) {
      this.noteRead(item)
      waiting.resolve({ done: false, value: item })
    } else if (error !== undefined) waiting.reject(error)
    else waiting.resolve({ done: true, value: undefined })
  }

  private call(item: Item<Tick>): void {
    this.noteRead(item)
    this.listeners.get(item.type)?.tell(item)
  }

  private noteRead(item: Item<Tick>): void {
    if ('position' in item) this.readPosition = item.position
  }

  private overflowed(): void {
    this.queue.takeAll()
    this.error = new OverflowError('overflow', 'the reader is too slow')
    this.isClosed = true
    this.onClose()
    this.settle()
  }
}
