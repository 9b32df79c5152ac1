/**
 * Frames that break the rules of WebSocket, written byte for byte: the right end, and nobody else is harmed.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/common/log.js'
import { Random } from '../../src/common/random.js'
import { extent } from '../support/extent.js'
import { figure } from '../support/figure.js'
import { type Frame, framesOf } from '../support/frames.js'
import { HandlerServer } from '../support/handler-server.js'
import { untilClosed } from '../support/raw-sockets.js'
import { TickClient } from '../support/tick-client.js'
import { quote } from '../support/ticks.js'

const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_261_129)

let server: HandlerServer
let other: TickClient
let sent = 0
const errors: string[] = []
const log: Log = { ...silentLog, error: (_, message) => void errors.push(message) }

beforeAll(async () => {
  server = await HandlerServer.start(
    {
      closeTimeoutMs: 200,
      compression: true,
      // All clients have one address.
      addressWorkPerSecond: 1 << 30,
      totalWorkPerSecond: 1 << 30,
    },
    { log },
  )
  other = await TickClient.connect(server.url())
})

afterAll(() => server.stop())

/** The other client gets each tick, the gateway has logged no error, and no lane has died. */
async function expectUnharmed(): Promise<void> {
  server.handler.broadcastTick(quote('A', ++sent))
  await other.until(() => other.ticks.length === sent)
  expect([other.silentErrors, other.gaps, other.closed]).toEqual([[], [], undefined])
  expect(errors).toEqual([])
  expect(server.count('laneRestarts')).toBe(0)
}

const ZERO_KEY = Buffer.alloc(4)

/** A frame of a client, with a key of zeros. @param length what the frame says of itself; default: the truth */
function frame(first: number, payload: Uint8Array | string = '', length?: number | bigint): Buffer {
  const bytes = Buffer.from(payload as string)
  const told = length ?? bytes.length
  let head: Buffer
  if (typeof told === 'bigint' || told > 0xffff) {
    head = Buffer.alloc(10)
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(BigInt(told), 2)
  } else if (told > 125) {
    head = Buffer.alloc(4)
    head[1] = 0x80 | 126
    head.writeUInt16BE(told, 2)
  } else head = Buffer.from([0, 0x80 | told])
  head[0] = first
  return Buffer.concat([head, ZERO_KEY, bytes])
}

const TEXT = 0x81
const CLOSE = 0x88
const PING = 0x89

/** A client that is subscribed to nothing that comes. @returns with what the gateway sends from now on */
async function open(): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = await server.connectRaw('/ws/ticks?symbols=NONE')
  const received: Buffer[] = []
  let head = Buffer.alloc(0)
  let isOpen = false
  socket.on('data', (chunk: Buffer) => {
    if (isOpen) {
      received.push(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    isOpen = true
    received.push(head.subarray(end + 4))
  })
  await server.until(() => isOpen)
  expect(head.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /)
  return { socket, received }
}

/** The code of the close frame among what came; 1005: it has none; 1006: there is no close frame. */
function closeCode(received: readonly Buffer[]): number {
  const close = framesOf(Buffer.concat(received)).find(({ first }: Frame) => first === CLOSE)
  if (close === undefined) return 1006
  return close.payload.length === 0 ? 1005 : close.payload.readUInt16BE()
}

describe('a client whose frames break the protocol', () => {
  it.each<[string, readonly Buffer[], number]>([
    ['have reserved bit 2', [frame(0xa1, 'x')], 1002],
    ['have reserved bit 3', [frame(0x91, 'x')], 1002],
    ['say that they are compressed where nothing was agreed', [frame(0xc1, 'x')], 1002],
    ['are of an unknown kind', [frame(0x83, 'x')], 1002],
    ['are an unknown control frame', [frame(0x8b, 'x')], 1002],
    ['are not masked', [Buffer.from([TEXT, 1, 0x78])], 1002],
    ['go on with nothing', [frame(0x80, 'x')], 1002],
    ['begin a message within another', [frame(0x01, 'x'), frame(0x81, 'x')], 1002],
    ['are a ping in fragments', [frame(0x09, 'x')], 1002],
    ['are a ping of 126 bytes', [frame(PING, Buffer.alloc(126))], 1002],
    ['say 2^40 bytes and send none', [frame(TEXT, '', 2n ** 40n)], 1009],
    ['say 2^63 bytes', [frame(TEXT, '', 2n ** 63n)], 1009],
    ['say a megabyte', [frame(TEXT, 'x', 1 << 20)], 1009],
    [
      'are fragments of a megabyte together',
      Array.from({ length: 17 }, (_, at) => frame(at === 0 ? 1 : 0, Buffer.alloc(65_000, 0x20))),
      1009,
    ],
    ['are no UTF-8', [frame(TEXT, Buffer.from([0xc3, 0x28]))], 1007],
    ['are half a character', [frame(TEXT, Buffer.from([0xe2, 0x82]))], 1007],
    ['are UTF-8 for a surrogate', [frame(TEXT, Buffer.from([0xed, 0xa0, 0x80]))], 1007],
    ['close with one byte', [frame(CLOSE, 'x')], 1002],
    ['close with code 1005', [frame(CLOSE, Buffer.from([0x03, 0xed]))], 1002],
    ['close with code 65535', [frame(CLOSE, Buffer.from([0xff, 0xff]))], 1002],
    ['close with a reason that is no UTF-8', [frame(CLOSE, Buffer.from([0x03, 0xe8, 0xc3, 0x28]))], 1007],
  ])('because they %s is closed with its code', async (_, frames, code) => {
    const { received, socket } = await open()
    for (const each of frames) socket.write(each)
    // Bytes that the gateway does not read any more, and which must not keep the connection.
    await untilClosed(socket)
    expect(closeCode(received)).toBe(code)
    await expectUnharmed()
  })

  it('and lies of a length that it never sends holds nothing, and is ended by its silence alone', async () => {
    const { socket } = await open()
    const before = process.memoryUsage.rss()
    socket.write(frame(TEXT, 'x', 60_000))
    await expectUnharmed()
    expect(process.memoryUsage.rss() - before).toBeLessThan(32 << 20)
    socket.destroy()
  })
})

/** Close codes for what a fuzzer may send; 1000 and 1001: its own close was valid; 1006: it has ended itself. */
const CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009]

/** Bytes that look like frames more or less. */
function wildBytes(random: Random): Buffer {
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)))
  const kinds = [0x00, 0x01, 0x02, 0x80, TEXT, 0x82, CLOSE, PING, 0x8a]
  const texts = [
    '{"type":"ping","id":1}',
    '{"type":"subscribe","id":1,"symbols":["A*"]}',
    '{"type":',
    '[]',
    '\u0000',
  ]
  switch (random.below(6)) {
    case 0:
      return bytes(1 + random.below(64))
    case 1:
      return frame(kinds[random.below(kinds.length)]!, bytes(random.below(126)))
    case 2:
      return frame(kinds[random.below(kinds.length)]!, bytes(random.below(20)), random.below(1 << 17))
    case 3: {
      const valid = frame(TEXT, texts[random.below(texts.length)]!)
      valid[random.below(valid.length)]! ^= 1 << random.below(8)
      return valid
    }
    case 4:
      return frame(TEXT, texts[random.below(texts.length)]!.slice(random.below(8)))
    default:
      return Buffer.concat([frame(0x01, '{"type"'), frame(PING), frame(0x80, bytes(random.below(40)))])
  }
}

it('random bytes and frames end their own connections only', async () => {
  const random = new Random(SEED)
  const rounds = extent(25, 500)
  const codes = new Map<number, number>()
  for (let round = 0; round < rounds; round++) {
    const clients = await Promise.all(Array.from({ length: 20 }, open))
    for (const { received, socket } of clients) {
      for (let count = 1 + random.below(8); count > 0; count--) socket.write(wildBytes(random))
      socket.end()
      void received
    }
    await Promise.all(clients.map(({ socket }) => untilClosed(socket)))
    for (const { received } of clients) {
      const code = closeCode(received)
      expect(CODES).toContain(code)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    await expectUnharmed()
  }
  await server.until(() => server.handler.getClientCount() === 1)
  const found = [...codes].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`)
  figure(`${rounds * 20} connections, ${found.join(', ')}; seed ${SEED}`)
})

it('100,000 fragments of one message end their connection at the bound', async () => {
  const { received, socket } = await open()
  socket.on('error', () => {})
  socket.write(frame(0x01, '{'))
  socket.write(Buffer.concat(Array.from({ length: 100_000 }, () => frame(0x00))))
  await once(socket, 'close')
  expect([1006, 1008]).toContain(closeCode(received))
  await expectUnharmed()
})
