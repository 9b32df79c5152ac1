/** The latest ticks of some entries, as components show them: one subscription for all components that want the same. */
import { type Stream, StreamClosedError, type Subscription, type TickHead } from '@ringcast/client'
import type { FrameQueue } from './frame-queue.js'

/** What a component wants. */
export interface Wish {
  readonly symbols: readonly string[]
  /** undefined: any. */
  readonly kind: string | undefined
  /** ms between two updates at the gateway. */
  readonly interval: number
}

export interface TickStoreDeps {
  readonly stream: Stream<TickHead>
  readonly frames: FrameQueue
  readonly onRefused: (refusal: Refusal) => void
  /** Nobody has used the store for a while: it has ended. */
  readonly onEnd: () => void
}

/** The gateway does not serve an entry. */
export interface Refusal {
  readonly symbol: string
  readonly code: string
  readonly message: string
}

/** A component that is shown again in this time finds its ticks, and the gateway notices nothing. */
const KEPT_MS = 1_000

export class TickStore {
  /** By symbol: another map whenever one of the ticks changes. */
  shown: ReadonlyMap<string, TickHead> = new Map()
  private readonly kind: string | undefined
  private readonly deps: TickStoreDeps
  private readonly arrived = new Map<string, TickHead>()
  private readonly listeners = new Set<() => void>()
  private readonly subscription: Subscription<TickHead> | undefined
  private endTimer: ReturnType<typeof setTimeout> | undefined

  constructor({ interval, kind, symbols }: Wish, deps: TickStoreDeps) {
    this.kind = kind
    this.deps = deps
    this.subscription = subscribe(deps.stream, symbols, interval)
    this.subscription?.on('ticks', ({ ticks }) => this.take(ticks))
    this.subscription?.on('snapshot', ({ ticks }) => this.take(ticks))
    this.subscription?.on('refused', deps.onRefused)
  }

  /** @returns a function that removes the listener */
  listen(listener: () => void): () => void {
    clearTimeout(this.endTimer)
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size === 0) this.endTimer = setTimeout(() => this.end(), KEPT_MS)
    }
  }

  end(): void {
    clearTimeout(this.endTimer)
    this.subscription?.close()
    this.deps.frames.delete(this.show)
    this.deps.onEnd()
  }

  private take(ticks: readonly TickHead[]): void {
    for (const tick of ticks)
      if (this.kind === undefined || tick.kind === this.kind) this.arrived.set(tick.symbol, tick)
    if (this.arrived.size > 0) this.deps.frames.add(this.show)
  }

  private readonly show = (): void => {
    this.shown = new Map([...this.shown, ...this.arrived])
    this.arrived.clear()
    for (const listener of [...this.listeners]) listener()
  }
}

/** undefined: there is nothing to subscribe to, or the stream has ended for good, as its status says. */
function subscribe(
  stream: Stream<TickHead>,
  symbols: readonly string[],
  interval: number,
): Subscription<TickHead> | undefined {
  if (symbols.length === 0) return undefined
  try {
    return stream.subscribe(symbols, { delivery: 'latest', interval })
  } catch (error) {
    if (error instanceof StreamClosedError) return undefined
    throw error
  }
}
