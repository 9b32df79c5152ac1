import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { HandlerServer, TestClient } from '../support/handler-server.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href
const SECOND_STALLED = new URL('../support/lanes/stalls-second.js', import.meta.url).href

let server: HandlerServer

afterEach(() => server.stop())

it('refuses clients while the command rings of all lanes are full, and counts the commands that wait', async () => {
  const options = { turnBytesMax: 1024, maxMessageBytes: 256 }
  server = await HandlerServer.start(options, { laneFile: STALLED_LANE })
  const answers = []
  for (let client = 0; client < 100; client++) {
    const socket = await server.connectRaw()
    answers.push(String(socket.read()).slice(9, 12))
  }
  const refused = answers.filter(code => code === '503').length
  expect(answers).toContain('101')
  expect(answers.at(-1)).toBe('503')
  expect(server.counts('refused')).toEqual({ refusedOverload: refused })
  expect(server.count('laneCommandsDelayed')).toBeGreaterThan(0)
})

it('refuses changes of clients whose own lane is full, and of no others', async () => {
  const options = { poolSize: 2, turnBytesMax: 1024, maxMessageBytes: 256 }
  server = await HandlerServer.start(options, { laneFile: SECOND_STALLED })
  // As long as its ring has room, the lane that is stuck gets every second client. The other one keeps up.
  const clients: TestClient[] = []
  while (server.count('laneCommandsDelayed') === 0) {
    const client = new TestClient(server.url(`?symbols=S${server.count('connections')}`), [], {})
    await once(client.socket, 'open')
    if (clients.length % 2 === 0) await client.until(() => client.messages.length > 0)
    clients.push(client)
  }
  const client = await server.connect('?symbols=LIVE')
  for (const each of [...clients, client])
    each.socket.send('{"type":"subscribe","id":1,"symbols":["A"],"delivery":"latest"}')
  const replyOf = ({ messages }: TestClient) => messages.find(message => 'id' in message && message.id === 1)
  await client.until(() => replyOf(client) !== undefined)
  expect(replyOf(client)).toMatchObject({ type: 'subscribed' })
  await server.until(() => clients.every(each => replyOf(each) !== undefined))
  const codes = clients.map(each => (replyOf(each) as { code?: string }).code)
  expect(new Set(codes)).toEqual(new Set([undefined, 'overload']))
  for (const each of clients) each.socket.terminate()
})
