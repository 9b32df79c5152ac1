/**
 * Compressed clients, over real sockets: messages are deflated once for an audience, in the lane.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { ClientOptions } from 'ws'
import type { HandlerOptions } from '../../src/config/config.js'
import { BinaryClient } from '../support/binary-client.js'
import { type Frame, framesOf, inflated } from '../support/frames.js'
import { FULL_SIZE, HandlerServer, type TestClient } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

/** Everything is compressed that gets shorter. */
const EVERYTHING: Partial<HandlerOptions> = { ...FULL_SIZE, compression: true, compressionMinBytes: 0 }
const PLAIN: ClientOptions = { perMessageDeflate: false }
const OFFER = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'

let server: HandlerServer

afterEach(() => server.stop())

const windowOf = (serverMaxWindowBits: number): ClientOptions => ({
  perMessageDeflate: { serverMaxWindowBits },
})

/** Pushes so many ticks; the client has all that were pushed before and some that follow when it waits. */
async function push(count: number, pacer: TestClient): Promise<void> {
  const before = pacer.ticks.length
  for (let sequence = 1; sequence <= count; sequence++) {
    expect(server.handler.broadcastTick(quote(`SYMBOL${sequence % 5}`, sequence))).toBe(true)
    if (sequence % 20 === 0) await pacer.until(() => pacer.ticks.length >= before + sequence - 60)
  }
  await pacer.until(() => pacer.ticks.length === before + count)
}

const seqOf = (client: TestClient) =>
  client.messages.reduce((last, message) => (message.type === 'ticks' ? message.seq : last), 0)

/** A connection that negotiates compression and speaks bytes. */
class RawClient {
  readonly frames: Frame[] = []
  head = ''
  private readonly socket: Socket
  private bytes = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
  }

  static async connect(query: string, offer = OFFER): Promise<RawClient> {
    const client = new RawClient(await server.connectRaw(`/ws/ticks${query}`, [offer]))
    await client.until(() => client.head !== '' && client.frames.length > 0)
    return client
  }

  async until(isDone: () => boolean): Promise<void> {
    for (;;) {
      this.take()
      if (isDone()) return
      await once(this.socket, 'readable')
    }
  }

  /** Sends a text as a compressed, masked frame of fewer than 126 bytes. */
  sendCompressed(text: string): void {
    const payload = deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4)
    if (payload.length >= 126) throw new Error('too long')
    // A mask of zeros leaves the payload as it is.
    this.socket.write(Buffer.concat([Buffer.from([0xc1, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
  }

  private take(): void {
    const chunk = this.socket.read()
    if (chunk !== null) this.bytes = Buffer.concat([this.bytes, chunk])
    if (this.head === '') {
      const end = this.bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      this.head = this.bytes.subarray(0, end).toString()
      this.bytes = this.bytes.subarray(end + 4)
    }
    for (let end = wholeFrame(this.bytes); end > 0; end = wholeFrame(this.bytes)) {
      this.frames.push(...framesOf(this.bytes.subarray(0, end)))
      this.bytes = this.bytes.subarray(end)
    }
  }
}

/** Where the first frame ends, or 0 while it is not whole; frames of up to 64 KiB. */
function wholeFrame(bytes: Buffer): number {
  if (bytes.length < 4) return 0
  const length = bytes[1]!
  const end = length < 126 ? 2 + length : 4 + bytes.readUInt16BE(2)
  return end <= bytes.length ? end : 0
}

describe('compression', () => {
  it('is off unless asked for', async () => {
    server = await HandlerServer.start(FULL_SIZE)
    const client = await server.connect()
    await push(100, client)
    expect(client.socket.extensions).toBe('')
    expect(server.countOfLane('deflateInBytes')).toBe(0)
  })

  it('costs the lane the same for one client as for many', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const first = await server.connect()
    await push(500, first)
    // Each message once.
    expect(server.countOfLane('messagesDeflated')).toBe(seqOf(first))
    const one = server.countOfLane('messagesDeflated')
    const clients = [first]
    while (clients.length < 60) {
      // A window larger than what is used makes no other audience.
      clients.push(await server.connect('', clients.length % 3 === 0 ? windowOf(14) : {}))
    }
    expect(server.handler.getMetrics().lanes[0]!.audiences).toBe(1)
    const before = server.count('messages')
    await push(500, first)
    for (const client of clients.slice(1)) await client.until(() => client.ticks.length === 500)
    expect(server.countOfLane('messagesDeflated')).toBe(seqOf(first))
    const many = server.countOfLane('messagesDeflated') - one
    // Each of them was sent to everybody.
    expect(server.count('messages') - before).toBe(60 * many)
    for (const client of clients) expect(client.socket.extensions).toBe('permessage-deflate')
  })

  it('gives every client the same ticks, whatever its window, its subprotocol and whether it has compression', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const plain = await server.connect('', PLAIN)
    const clients = [plain, await server.connect('', { perMessageDeflate: true })]
    for (let bits = 8; bits <= 15; bits++) clients.push(await server.connect('', windowOf(bits)))
    clients.push(await server.connect('?batch=false'), await server.connect('?batch=false', PLAIN))
    const binary = [
      await BinaryClient.connect(server.url()),
      await BinaryClient.connect(server.url('?batch=false'), windowOf(9)),
      await BinaryClient.connect(server.url(), PLAIN),
    ]
    await push(1000, plain)
    for (const client of clients) {
      await client.until(() => client.ticks.length === 1000)
      expect(client.ticks).toEqual(plain.ticks)
    }
    for (const client of binary) {
      await client.until(() => client.ticks.length === 1000)
      expect(client.ticks.map(({ symbol, sequence }) => `${symbol}${sequence}`)).toEqual(plain.ticks)
    }
    // JSON: plain, 9 (also for 8), 10, 11, 12, 13 (also for more), and two of single ticks; protobuf: three.
    expect(server.handler.getMetrics().lanes[0]!.audiences).toBe(11)
    expect(server.countOfLane('deflateOutBytes')).toBeLessThan(server.countOfLane('deflateInBytes'))
    for (const client of [...clients, ...binary]) client.socket.terminate()
  })

  it('leaves short messages plain', async () => {
    server = await HandlerServer.start({ ...EVERYTHING, compressionMinBytes: 200 })
    const client = await RawClient.connect('?batch=false')
    expect(client.head).toContain(
      'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    )
    const symbols = ['A', 'A'.repeat(64), 'B', 'B'.repeat(64)]
    for (const symbol of symbols) server.handler.broadcastTick(quote(symbol, 1))
    await client.until(() => client.frames.length === 5)
    const [answer, ...ticks] = client.frames
    expect(answer!.first).toBe(0x81)
    expect(ticks.map(({ first }) => first)).toEqual([0x81, 0xc1, 0x81, 0xc1])
    const texts = ticks.map(({ first, payload }) =>
      (first === 0xc1 ? inflated(payload, 13) : payload).toString(),
    )
    expect(texts.map(text => JSON.parse(text).ticks[0].symbol)).toEqual(symbols)
    expect(server.countOfLane('messagesDeflated')).toBe(2)
  })

  it('marks compressed binary messages as binary', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const client = await RawClient.connect('', `${OFFER}\r\nSec-WebSocket-Protocol: ringcast.v1.protobuf`)
    server.handler.broadcastTick(quote('A'.repeat(64), 1))
    await client.until(() => client.frames.length === 2)
    expect(client.frames.map(({ first }) => first)).toEqual([0x81, 0xc2])
  })

  it('takes compressed commands and answers them plain, however long the answer', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const symbols = Array.from({ length: 100 }, (_, index) => `SYMBOL-WITH-A-LONG-NAME-${index}`)
    const client = await RawClient.connect(`?symbols=${symbols.join(',')}`)
    client.sendCompressed('{"type":"list","id":7}')
    client.sendCompressed('{"type":"unsubscribe","id":8,"symbols":["SYMBOL-WITH-A-LONG-NAME-1"]}')
    await client.until(() => client.frames.length === 3)
    expect(client.frames.map(({ first }) => first)).toEqual([0x81, 0x81, 0x81])
    const [, list, unsubscribed] = client.frames.map(({ payload }) => JSON.parse(payload.toString()))
    expect(list).toEqual({
      type: 'subscriptions',
      id: 7,
      subscriptions: [{ symbols: [...symbols].sort(), delivery: 'every' }],
    })
    expect(unsubscribed).toMatchObject({ type: 'unsubscribed', id: 8 })
  })

  it('bounds a message by what it is when inflated', async () => {
    server = await HandlerServer.start({ ...EVERYTHING, maxMessageBytes: 1024 })
    const client = await server.connect('', { perMessageDeflate: { threshold: 0 } })
    client.socket.send(`{"type":"list","id":1}${' '.repeat(900)}`)
    await client.until(() => client.messages.length === 2)
    client.socket.send(`{"type":"list","id":2}${' '.repeat(100_000)}`)
    expect((await client.untilClosed()).code).toBe(1009)
    expect(client.messages.at(-1)).toMatchObject({ type: 'subscriptions', id: 1 })
    await server.until(() => server.count('connectionsActive') === 0)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
  })

  it('ends a client that sends what cannot be inflated', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const socket = await server.connectRaw('/ws/ticks', [OFFER])
    socket.resume()
    socket.write(Buffer.from([0xc1, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff]))
    await server.until(() => server.count('connectionsActive') === 0)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
  })

  it('compresses latest ticks, but not what one client gets by itself: a snapshot, and what it missed', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const pacer = await server.connect('', PLAIN)
    const symbol = 'A'.repeat(64)
    server.handler.broadcastTick(quote(symbol, 1))
    await pacer.until(() => pacer.ticks.length === 1)
    // Each with the messages that it gets by itself; behind what it missed, that it is live.
    for (const [query, own] of [
      ['?delivery=latest&interval=0&snapshot=true', 2],
      ['?snapshot=true', 2],
      [`?resume=${server.handler.epoch}:0`, 3],
    ] as const) {
      const client = await RawClient.connect(query)
      await client.until(() => client.frames.length === own)
      expect(client.frames.map(({ first }) => first)).toEqual(new Array(own).fill(0x81))
      expect(JSON.parse(client.frames[1]!.payload.toString()).ticks[0].symbol).toBe(symbol)
      server.handler.broadcastTick(quote(symbol, 2))
      await client.until(() => client.frames.length === own + 1)
      const { first, payload } = client.frames.at(-1)!
      expect(first).toBe(0xc1)
      expect(JSON.parse(inflated(payload, 13).toString()).ticks[0].sequence).toBe(2)
    }
  })

  it('follows a client from one subscription to another', async () => {
    server = await HandlerServer.start(EVERYTHING)
    const client = await server.connect('?symbols=A', windowOf(10))
    const plain = await server.connect('?symbols=A,B', PLAIN)
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: ['B'] }))
    await client.until(() => client.messages.length === 2)
    for (let sequence = 1; sequence <= 50; sequence++) {
      server.handler.broadcastTick(quote('A', sequence))
      server.handler.broadcastTick(quote('B', sequence))
    }
    await client.until(() => client.ticks.length === 100)
    await plain.until(() => plain.ticks.length === 100)
    expect(client.ticks).toEqual(plain.ticks)
    // Only one of the two audiences is compressed. The lane may write once more for the one that the client has left.
    const sent = seqOf(client) - seqAtSecond(client)
    expect([sent, sent + 1]).toContain(server.countOfLane('messagesDeflated'))
  })
})

/** The `seq` that the second answer said. */
function seqAtSecond(client: TestClient): number {
  const answers = client.messages.filter(message => message.type === 'subscribed')
  return answers[1]!.seq
}

describe('an offer of compression that is not understood', () => {
  it.each([
    ['permessage-deflate; unknown=1', undefined],
    ['permessage-deflate; client_max_window_bits=99', undefined],
    ['permessage-deflate; server_max_window_bits=16', undefined],
    ['permessage-deflate; server_max_window_bits', undefined],
    ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', undefined],
    ['foo;;', undefined],
    ['x-webkit-deflate-frame', undefined],
    [
      'permessage-deflate; unknown=1, permessage-deflate; server_max_window_bits=10',
      'server_max_window_bits=10',
    ],
    ['foo;;, PerMessage-Deflate ; Client_Max_Window_Bits = "9"', undefined],
    ['permessage-deflate; client_max_window_bits; server_max_window_bits="12"', 'server_max_window_bits=12'],
  ])('is declined, and the client is let in: %s', async (offers, accepted) => {
    server = await HandlerServer.start({ compression: true })
    const socket = await server.connectRaw('/ws/ticks', [`Sec-WebSocket-Extensions: ${offers}`])
    const response: string = socket.read().toString('latin1')
    expect(response).toMatch(/^HTTP\/1\.1 101 /)
    const line = /^sec-websocket-extensions: (.*)$/im.exec(response)?.[1]
    if (accepted === undefined) expect(line).toBeUndefined()
    else expect(line).toContain(accepted)
  })
})
