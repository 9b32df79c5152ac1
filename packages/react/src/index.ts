'use client'
/** React hooks for Ringcast: the latest ticks of symbols, rendered once a frame. */
import type { ConnectOptions, MarketTick, StatusItem, Stream, TickHead } from '@ringcast/client'
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from 'react'
import { Hub, type View } from './hub.js'
import type { Refusal } from './tick-store.js'

export type { Refusal }

export interface TickOptions<Kind extends string = string> {
  /** Only ticks of this kind: `quote`, for instance. Default: the newest of any. */
  readonly kind?: Kind
  /** ms between two updates at the gateway, 0 to 60,000. Default 0: each frame shows the newest. */
  readonly interval?: number
}

/** The ticks of a kind. */
export type TickOf<Tick extends TickHead, Kind extends string> = Extract<Tick, { readonly kind: Kind }>

export interface RingcastProviderProps {
  /** Of the gateway. The provider connects when a component needs ticks, and closes the stream when it is removed. */
  readonly url?: string
  /** Of `connect`, with `url`. Only those of the first render count. */
  readonly options?: ConnectOptions<TickHead>
  /** In place of `url`: a stream of the caller's, who closes it. */
  readonly stream?: Stream<never>
  /** The gateway does not serve an entry that a component wants. Default: an error on the console. */
  readonly onRefused?: (refusal: Refusal) => void
  readonly children?: ReactNode
}

const HubContext = createContext<Hub | undefined>(undefined)

/** Gives the components in it one stream. Throws a TypeError without `url` and `stream`. */
export function RingcastProvider({
  children,
  onRefused = report,
  options,
  stream,
  url,
}: RingcastProviderProps): ReactElement {
  // biome-ignore lint/correctness/useExhaustiveDependencies: other options are no reason to connect again
  const hub = useMemo(() => {
    const source = (stream as Stream<TickHead> | undefined) ?? url
    if (source === undefined) throw new TypeError('<RingcastProvider> needs a url or a stream')
    return new Hub(source, options)
  }, [stream, url])
  useEffect(() => {
    hub.onRefused = onRefused
  }, [hub, onRefused])
  useEffect(() => hub.mount(), [hub])
  return createElement(HubContext.Provider, { value: hub }, children)
}

/**
 * The newest tick of a symbol; undefined until one has come. Renders once a frame at most.
 *
 * @param symbol undefined: none, and nothing is subscribed to
 */
export function useTick<Tick extends TickHead = MarketTick, Kind extends Tick['kind'] = Tick['kind']>(
  symbol: string | undefined,
  options?: TickOptions<Kind>,
): TickOf<Tick, Kind> | undefined {
  const { snapshot, subscribe } = useTicksView(symbol === undefined ? [] : [symbol], options)
  const newest = () => snapshot().get(symbol ?? '') as TickOf<Tick, Kind> | undefined
  return useSyncExternalStore(subscribe, newest, newest)
}

/** The newest ticks of symbols and prefixes, by symbol. Another map, once a frame at most, when one has changed. */
export function useTicks<Tick extends TickHead = MarketTick, Kind extends Tick['kind'] = Tick['kind']>(
  symbols: readonly string[],
  options?: TickOptions<Kind>,
): ReadonlyMap<string, TickOf<Tick, Kind>> {
  const { snapshot, subscribe } = useTicksView(symbols, options)
  return useSyncExternalStore(subscribe, snapshot, snapshot) as ReadonlyMap<string, TickOf<Tick, Kind>>
}

/** The state of the stream and of the feed: prices are fresh while both are live. undefined: nothing was connected yet. */
export function useStatus(): StatusItem | undefined {
  const { snapshot, subscribe } = useHub().statusView
  return useSyncExternalStore(subscribe, snapshot, snapshot)
}

/** The same view as long as what is wanted is the same, however often the caller makes a new array of it. */
function useTicksView(
  symbols: readonly string[],
  { interval = 0, kind }: TickOptions = {},
): View<ReadonlyMap<string, TickHead>> {
  const hub = useHub()
  const names = JSON.stringify(symbols)
  return useMemo(
    () => hub.ticksView({ symbols: JSON.parse(names) as string[], kind, interval }),
    [hub, names, kind, interval],
  )
}

function useHub(): Hub {
  const hub = useContext(HubContext)
  if (hub === undefined) throw new TypeError('put <RingcastProvider> around the components that use ticks')
  return hub
}

function report({ message, symbol }: Refusal): void {
  console.error(`Ringcast does not serve ${symbol}: ${message}`)
}
