/**
 * Writes past Node's stream, over real sockets of the loopback.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { descriptorOf, NO_DESCRIPTOR } from '../../src/common/socket-handle.js'
import type { Audience } from '../../src/fanout/audience.js'
import { tryWriteDirect } from '../../src/fanout/frame-writes.js'
import type { Recipient } from '../../src/fanout/recipient.js'
import { FanOut } from '../support/fan-out.js'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'
import { closed, connection } from '../support/peer.js'

/** More than the kernel keeps for a connection whose peer does not read. */
const MORE_THAN_KERNEL_BYTES = 64 << 20

/** A key that both sides know takes the place of certificates. */
const KEY = Buffer.alloc(16, 7)
const TLS = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
const TLS_SERVER = { ...TLS, pskCallback: () => KEY }
const TLS_CLIENT = {
  ...TLS,
  pskCallback: () => ({ psk: KEY, identity: 'peer' }),
  rejectUnauthorized: false,
}

const opened: { destroy(): unknown }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy()
})

/** Both ends of a connection. They are destroyed after the test. */
async function connect(): ReturnType<typeof connection> {
  const ends = await connection()
  opened.push(ends.socket, ends.peer.socket)
  return ends
}

describe('a write', () => {
  it('takes as much as the kernel has room for, and the rest arrives behind it through the stream', async () => {
    const { socket, peer } = await connect()
    const descriptor = descriptorOf(socket)
    const bytes = Buffer.allocUnsafe(MORE_THAN_KERNEL_BYTES)
    for (let word = 0; word < bytes.length; word += 4) bytes.writeInt32LE(word, word)
    const taken = tryWriteDirect(descriptor, bytes, 0, bytes.length)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(bytes.length)
    expect(tryWriteDirect(descriptor, bytes, taken, bytes.length - taken)).toBe(0)
    socket.write(bytes.subarray(taken))
    peer.read()
    await peer.untilLength(bytes.length)
    expect(peer.bytes.equals(bytes)).toBe(true)
  })

  it('takes nothing, and throws nothing, when the connection has broken', async () => {
    const { socket, peer } = await connect()
    const descriptor = descriptorOf(socket)
    socket.pause()
    peer.socket.resetAndDestroy()
    await closed(peer.socket)
    while (tryWriteDirect(descriptor, Buffer.from('x'), 0, 1) > 0) await new Promise(setImmediate)
    const ended = closed(socket)
    socket.write('x')
    await ended
  })
})

describe('a client', () => {
  let fanOut: FanOut

  afterEach(() => fanOut.transmitter.stop())

  async function start() {
    fanOut = new FanOut({ frameRingBytes: 1 << 20 })
    const [witness] = await fanOut.members(1)
    const { socket, peer } = await connect()
    const recipient = fanOut.add(socket)
    expect(recipient.descriptor).not.toBe(NO_DESCRIPTOR)
    fanOut.lane.obey()
    await fanOut.turn()
    return { witness, recipient, socket, peer, audience: fanOut.audience(witness) }
  }

  /** Sends ticks until the client is blocked. */
  async function pushUntilBlocked(audience: Audience, recipient: Recipient): Promise<void> {
    while (!recipient.isBlocked) await fanOut.tick(audience, 1500)
  }

  it('that reads late gets all bytes in order, also between other messages', async () => {
    const { audience, peer, recipient, socket, witness } = await start()
    let others = 0
    for (let round = 0; round < 3; round++) {
      while (!recipient.isBlocked) {
        await fanOut.tick(audience, 1500)
        // A pong, an error message.
        socket.write('#;')
        others++
      }
      for (let tick = 0; tick < 20; tick++) await fanOut.tick(audience)
      peer.socket.resume()
      if (round === 0) peer.read()
      await peer.until(() => !recipient.isBlocked && !recipient.cursor.isBehind)
      await fanOut.rest()
      peer.socket.pause()
    }
    peer.socket.resume()
    const expected = witness.socket.text
    await peer.untilLength(expected.length + 2 * others)
    const text = peer.bytes.toString()
    expect(text.match(/(?<=^|;)#;/g)).toHaveLength(others)
    expect(text.replaceAll('#;', '') === expected).toBe(true)
    expect(fanOut.recovered).toEqual([])
  })

  it('gets bytes behind those that its stream holds, though the kernel has room', async () => {
    const { audience, peer, recipient, socket, witness } = await start()
    peer.read()
    socket.cork()
    socket.write('#;')
    await fanOut.tick(audience)
    socket.uncork()
    await peer.untilLength(witness.socket.text.length + 2)
    expect(peer.bytes.toString()).toBe('1!0;#;1:1;')
    await peer.until(() => !recipient.isBlocked)
  })

  it('gets the rest of a write unchanged, though the ring goes round meanwhile', async () => {
    const { audience, peer, recipient, witness } = await start()
    await pushUntilBlocked(audience, recipient)
    const given = witness.socket.text.length
    expect(recipient.pins).toHaveLength(1)
    for (let record = 0; record < 400; record++) await fanOut.tick(audience, 1500)
    expect(fanOut.streams[0]!.retained.holds(recipient.cursor.nextRecord)).toBe(false)
    expect(recipient.pins).toHaveLength(1)
    peer.read()
    await peer.untilLength(given)
    expect(peer.bytes.toString() === witness.socket.text.slice(0, given)).toBe(true)
    await peer.until(() => !recipient.isBlocked)
    expect(recipient.pins).toEqual([])
  })

  it('costs the others nothing when its connection breaks', async () => {
    const { audience, peer, recipient, socket, witness } = await start()
    const ended = closed(socket)
    peer.socket.resetAndDestroy()
    while (socket.writable) await fanOut.tick(audience)
    await ended
    fanOut.leave(recipient)
    await fanOut.tick(audience)
    expect(witness.socket.text.endsWith(`:${fanOut.lane.ticksTotal(audience.id)};`)).toBe(true)
    expect(fanOut.isDrained).toBe(true)
  })
})

describe('a StreamHandler', () => {
  let server: HandlerServer

  afterEach(() => server.stop())

  it('gives ticks to clients over TLS', async () => {
    server = await HandlerServer.startOnTls(TLS_SERVER)
    const client = await server.connect('', TLS_CLIENT)
    for (let sequence = 1; sequence <= 1000; sequence++) server.handler.broadcastTick(quote('A', sequence))
    await client.until(() => client.ticks.length === 1000)
    expect(client.ticks).toEqual(Array.from({ length: 1000 }, (_, index) => `A${index + 1}`))
    expect(client.messages.filter(({ type }) => type === 'error')).toEqual([])
  })

  it.each(['while it is idle', 'while it has not taken all'])(
    'ends a client whose connection breaks %s',
    async when => {
      server = await HandlerServer.start(FULL_SIZE)
      const broken = await server.connectRaw()
      broken.pause()
      if (when !== 'while it is idle') await server.pushUntilBlocked()
      broken.resetAndDestroy()
      let sequence = 0
      await server.until(() => {
        server.handler.broadcastTick(quote('A', ++sequence))
        return server.handler.getClientCount() === 0
      })
      expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
      expect(server.count('laneRestarts')).toBe(0)
    },
  )
})
