/**
 * A client that asks for it can see where time went: from the feed's stamp to the gateway, and from there to the turn.
 */
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import type { TicksMessage } from '../../src/protocol/messages.js'
import { HandlerServer, type TestClient } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

const ticksMessages = ({ messages }: TestClient) =>
  messages.filter((message): message is TicksMessage => message.type === 'ticks')

it('says when each tick came in and when the turn was published, to those who ask', async () => {
  server = await HandlerServer.start()
  const stamped = await server.connect('?stamps=true')
  const plain = await server.connect()
  const beforeUs = Date.now() * 1000
  for (let sequence = 1; sequence <= 50; sequence++) server.handler.broadcastTick(quote('A', sequence))
  for (const client of [stamped, plain]) await client.until(() => client.ticks.length === 50)

  let lastUs = beforeUs - 1000
  for (const { published, received, ticks } of ticksMessages(stamped)) {
    expect(received).toHaveLength(ticks.length)
    for (const receivedUs of received!) {
      expect(receivedUs).toBeGreaterThanOrEqual(lastUs)
      lastUs = receivedUs
    }
    expect(published).toBeGreaterThanOrEqual(lastUs)
  }
  expect(lastUs).toBeLessThan(beforeUs + 10_000_000)
  for (const message of ticksMessages(plain)) {
    expect(message).not.toHaveProperty('published')
    expect(message).not.toHaveProperty('received')
  }
})

it('answers a ping with the time of the system, although that was stepped', async () => {
  const hourUs = 3_600_000_000
  server = await HandlerServer.start({}, { clock: { ...systemClock, aheadUs: () => hourUs } })
  const client = await server.connect()
  client.socket.send(JSON.stringify({ type: 'ping', id: 1 }))
  await client.until(() => client.messages.some(({ type }) => type === 'pong'))
  const pong = client.messages.find(message => message.type === 'pong')
  expect(Math.abs(pong!.time - Date.now() * 1000 - hourUs)).toBeLessThan(60_000_000)
})
