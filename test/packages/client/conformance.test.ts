/**
 * The client for browsers and Node passes the cases that every client passes: as it is imported, required, and loaded by pages. With
 * the WebSocket of a newer Node also over real connections.
 */
import { createRequire } from 'node:module'
import * as imported from '@ringcast/client'
import { readCases, runCase } from '@ringcast/conformance'
import { describe, expect, it } from 'vitest'
import { type Client, driverOf } from '../../support/client-driver.js'
import { playOverSockets, type RealSocketClass, seesRefusal } from '../../support/socket-server.js'

const minified = '../../../../packages/client/dist/ringcast-client.js'
const CLIENTS: readonly (readonly [string, Client])[] = [
  ['imported', imported],
  ['required', createRequire(import.meta.url)('@ringcast/client') as Client],
  ['minified', (await import(new URL(minified, import.meta.url).href)) as Client],
]

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

// Node 20 has none.
const { WebSocket: ownWebSocket } = globalThis as { WebSocket?: RealSocketClass }
if (ownWebSocket !== undefined)
  describe('over real connections with the WebSocket of Node', () => {
    const seen = cases.filter(each => !seesRefusal(each))
    it.each(seen.map(each => [each.name, each] as const))('%s', async (_name, each) => {
      await playOverSockets(each, driverOf(imported), ownWebSocket, false)
    })
  })
