/** Drives a client for browsers and Node in conformance cases. */
import type * as client from '@ringcast/client'
import type { MarketTick, RingcastError, Subscription } from '@ringcast/client'
import type { DrivenSubscription, Driver } from '@ringcast/conformance'

/** The package, as it is imported or required. */
export type Client = typeof client

export const driverOf =
  (client: Client): Driver =>
  (options, deps) => {
    const { getToken, ...others } = deps
    const stream = client.connect('ws://gateway/ws/ticks', {
      ...options,
      ...others,
      ...(getToken === undefined ? {} : { getToken }),
    })
    let last: object = { state: stream.state }
    stream.on('state', transition => {
      last = transition
    })
    return {
      get state() {
        return { ...last }
      },
      get position() {
        return stream.position
      },
      subscribe: (symbols, { read, ...subscribeOptions }) => {
        const driven = drive(stream.subscribe(symbols, subscribeOptions))
        if (read !== 'later') driven.read()
        return driven
      },
      latest: symbol => stream.latest(symbol) as unknown as Record<string, unknown>,
      setToken: token => stream.setToken(token),
      close: () => stream.close(),
    }
  }

function drive(subscription: Subscription<MarketTick>): DrivenSubscription {
  const driven: DrivenSubscription = {
    items: [],
    ended: undefined,
    read: () => void read(),
    close: () => subscription.close(),
  }
  const read = async () => {
    try {
      for await (const item of subscription) driven.items.push({ ...item })
      driven.ended = null
    } catch (error) {
      driven.ended = (error as RingcastError).code
    }
  }
  return driven
}
