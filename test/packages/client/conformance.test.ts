/** The client for browsers and Node passes the cases that every client passes: as it is imported, required, and loaded by pages. */
import { createRequire } from 'node:module'
import type { MarketTick, RingcastError, Subscription } from '@ringcast/client'
import * as imported from '@ringcast/client'
import { type DrivenSubscription, type Driver, readCases, runCase } from '@ringcast/conformance'
import { describe, expect, it } from 'vitest'

type Client = typeof imported

const minified = '../../../../packages/client/dist/ringcast-client.js'
const CLIENTS: readonly (readonly [string, Client])[] = [
  ['imported', imported],
  ['required', createRequire(import.meta.url)('@ringcast/client') as Client],
  ['minified', (await import(new URL(minified, import.meta.url).href)) as Client],
]

const driverOf =
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

const cases = readCases()

it('there are many cases, each with a name of its own', () => {
  expect(cases.length).toBeGreaterThanOrEqual(60)
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
})

describe.each(CLIENTS)('@ringcast/client, %s', (_, client) => {
  it.each(cases.map(each => [each.name, each] as const))('%s', async (_name, each) => {
    await runCase(each, driverOf(client))
  })
})
