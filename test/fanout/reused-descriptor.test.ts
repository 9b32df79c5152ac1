/**
 * Writes past Node's stream, over real sockets, when the connection has ended and its descriptor belongs to another
 * one.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { descriptorOf } from '../../src/common/socket-handle.js'
import { CLOSED, writeFrames } from '../../src/fanout/frame-writes.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { FanOut } from '../support/fan-out.js'
import { until } from '../support/until.js'

const opened: { destroy(): unknown }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy()
})

/** Opens connections to a server. The next connection gets the lowest descriptor that is free. */
async function connector(): Promise<() => Promise<Socket[]>> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ destroy: () => server.close() })
  return async () => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    if (client.connecting) await once(client, 'connect')
    opened.push(client, socket)
    return [client, socket]
  }
}

/** Another connection, one end of which has the descriptor. */
async function reuse(
  open: () => Promise<Socket[]>,
  descriptor: number,
): Promise<{ reused: Socket; peer: Socket }> {
  for (;;) {
    const ends = await open()
    const [reused] = ends.filter(end => descriptorOf(end) === descriptor)
    const [peer] = ends.filter(end => end !== reused)
    if (reused !== undefined && peer !== undefined) return { reused, peer }
  }
}

/** All bytes that come to the peer before a byte that its other end sends now. */
async function received({ reused, peer }: { reused: Socket; peer: Socket }): Promise<string> {
  let text = ''
  peer.on('data', chunk => {
    text += chunk
  })
  reused.write('.')
  await until(() => text.endsWith('.'))
  return text
}

it('writes nothing to a descriptor that has been given to another connection', async () => {
  const fanOut = new FanOut()
  const [stream] = fanOut.streams
  const open = await connector()
  const [, socket] = await open()
  const recipient = new Recipient(1, 'test-1', socket!)
  socket!.destroy()
  const other = await reuse(open, recipient.descriptor)
  expect(writeFrames(recipient, stream!, 0, 100)).toBe(CLOSED)
  expect(recipient.directBytes).toBe(0)
  expect(await received(other)).toBe('.')
  fanOut.transmitter.stop()
})

it.each(['a record', 'an answer'])('gives nobody %s of a client whose connection has gone', async what => {
  const fanOut = new FanOut()
  const open = await connector()
  const [, socket] = await open()
  const recipient = fanOut.add(socket!)
  if (what === 'a record') {
    fanOut.lane.obey()
    await fanOut.turn()
  }
  const audience = recipient.cursor.audience ?? recipient.transfer.inFlight?.audience
  // Nothing has taken notice of its end yet.
  socket!.destroy()
  const other = await reuse(open, recipient.descriptor)
  fanOut.lane.obey()
  await fanOut.tick(audience!)
  expect(await received(other)).toBe('.')
  fanOut.transmitter.stop()
})
