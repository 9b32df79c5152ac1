/** What one provider shares with its components: the stream, its status, the stores. */
import { type ConnectOptions, connect, type StatusItem, type Stream, type TickHead } from '@ringcast/client'
import { FrameQueue } from './frame-queue.js'
import { type Refusal, TickStore, type Wish } from './tick-store.js'

/** In strict mode, and when a tree is replaced, a provider leaves and comes back at once. */
const CLOSED_AFTER_MS = 1_000
const NO_TICKS: ReadonlyMap<string, TickHead> = new Map()

/** For useSyncExternalStore. */
export interface View<Value> {
  readonly subscribe: (listener: () => void) => () => void
  readonly snapshot: () => Value
}

export class Hub {
  onRefused: (refusal: Refusal) => void = () => {}
  private readonly source: Stream<TickHead> | string
  private readonly options: ConnectOptions<TickHead> | undefined
  private readonly frames = new FrameQueue()
  /** By wish. */
  private readonly stores = new Map<string, TickStore>()
  private current: Stream<TickHead> | undefined
  private closeTimer: ReturnType<typeof setTimeout> | undefined
  private status: StatusItem | undefined
  private readonly statusListeners = new Set<() => void>()
  private removeStatusListener = () => {}

  /** @param source a stream of the caller's, or the URL to connect to */
  constructor(source: Stream<TickHead> | string, options: ConnectOptions<TickHead> | undefined) {
    this.source = source
    this.options = options
  }

  /** undefined: nothing has been connected yet. */
  readonly statusView: View<StatusItem | undefined> = {
    subscribe: listener => {
      this.statusListeners.add(listener)
      this.stream()
      return () => this.statusListeners.delete(listener)
    },
    snapshot: () => this.status,
  }

  /** The latest ticks, by symbol. */
  ticksView(wish: Wish): View<ReadonlyMap<string, TickHead>> {
    const key = JSON.stringify([wish.symbols, wish.kind, wish.interval])
    return {
      subscribe: listener => this.storeOf(key, wish).listen(listener),
      snapshot: () => this.stores.get(key)?.shown ?? NO_TICKS,
    }
  }

  /** The provider shows its components. @returns what ends that */
  mount(): () => void {
    clearTimeout(this.closeTimer)
    return () => {
      this.closeTimer = setTimeout(() => this.close(), CLOSED_AFTER_MS)
    }
  }

  /** Made when a component needs it first: React may make a hub and never use it. */
  private stream(): Stream<TickHead> {
    if (this.current !== undefined) return this.current
    const { source } = this
    const stream = typeof source === 'string' ? connect(source, this.options) : source
    this.current = stream
    this.status = stream.status
    this.removeStatusListener = stream.on('status', status => {
      this.status = status
      for (const listener of [...this.statusListeners]) listener()
    })
    return stream
  }

  private storeOf(key: string, wish: Wish): TickStore {
    const known = this.stores.get(key)
    if (known !== undefined) return known
    const store = new TickStore(wish, {
      stream: this.stream(),
      frames: this.frames,
      onRefused: refusal => this.onRefused(refusal),
      onEnd: () => this.stores.delete(key),
    })
    this.stores.set(key, store)
    return store
  }

  private close(): void {
    for (const store of [...this.stores.values()]) store.end()
    this.removeStatusListener()
    // A stream of the caller's goes on.
    if (typeof this.source === 'string') this.current?.close()
    this.current = undefined
    this.status = undefined
  }
}
