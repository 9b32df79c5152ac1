/**
 * Clients that send more than they may, over real sockets: what it costs them, and that it costs others nothing.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

/** A frame as clients send it: masked, with a key of zeros. */
function frame(firstByte: number, payload: string): Buffer {
  return Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)])
}

const [FRAGMENT, TEXT, BINARY, PING, PONG] = [0x01, 0x81, 0x82, 0x89, 0x8a] as const
describe('a flood', () => {
  it.each([
    ['text', TEXT, 'x'],
    ['commands', TEXT, '{"type":"ping","id":1}'],
    ['commands that cost more', TEXT, '{"type":"subscribe","id":1,"symbols":["A","B*","C*"]}'],
    ['bytes', BINARY, 'x'],
    ['pings', PING, ''],
    ['pongs', PONG, ''],
  ])(
    'of %s is answered within bounds and ends, and others get their ticks',
    async (_, firstByte, payload) => {
      server = await HandlerServer.start({ closeTimeoutMs: 50 })
      const other = await server.connect()
      const flooder = await server.connectRaw('/ws/ticks?symbols=NONE')
      const received: Buffer[] = []
      flooder.on('data', chunk => received.push(chunk))
      const flood = Buffer.concat(Array.from({ length: 50_000 }, () => frame(firstByte, payload)))
      flooder.write(flood)
      const expected: string[] = []
      for (let sequence = 1; sequence <= 200; sequence++) {
        server.handler.broadcastTick(quote('A', sequence))
        expected.push(`A${sequence}`)
        await other.until(() => other.ticks.length === sequence)
      }
      await server.until(() => server.handler.getClientCount() === 1)
      expect(other.ticks).toEqual(expected)
      expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
      const socket = server.sockets[1] as unknown as { bytesRead: number; bytesWritten: number }
      // What may be answered is 50 and 1,000; what has been read beyond is the rest of one read.
      expect(socket.bytesWritten).toBeLessThan(1100 * 256)
      expect(socket.bytesRead).toBeLessThan(1100 * (6 + payload.length) + 2 * 65_536)
      expect(server.count('laneRestarts')).toBe(0)
    },
  )

  it('ends with 1008, for which the client need not wait until all that it sent is read', async () => {
    server = await HandlerServer.start({ closeTimeoutMs: 100_000 })
    const client = await server.connect()
    for (let count = 0; count < 50_000; count++) client.socket.send('x')
    expect(await client.untilClosed()).toEqual({ code: 1008, reason: 'too many requests' })
  })

  it('of fragments ends, too', async () => {
    server = await HandlerServer.start({ closeTimeoutMs: 50 })
    const other = await server.connect()
    const flooder = await server.connectRaw()
    flooder.resume()
    const fragments = Array.from({ length: 10_000 }, () => frame(0, ''))
    flooder.write(Buffer.concat([frame(FRAGMENT, ''), ...fragments]))
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
    server.handler.broadcastTick(quote('A', 1))
    await other.until(() => other.ticks.length === 1)
  })
})

describe('a burst', () => {
  it('of commands is answered one by one, those that are too many with an error and their id', async () => {
    const clock = new FakeClock()
    clock.advance(1)
    server = await HandlerServer.start({}, { clock })
    const client = await server.connect('?symbols=A')
    const ask = (first: number, count: number) => {
      for (let id = first; id < first + count; id++) client.socket.send(JSON.stringify({ type: 'list', id }))
    }
    const answers = () =>
      client.messages.slice(1).map(message => [message.type, 'id' in message && message.id])
    ask(1, 1000)
    await client.until(() => client.messages.length === 1001)
    expect(answers()).toEqual(
      Array.from({ length: 1000 }, (_, index) => [index < 50 ? 'subscriptions' : 'error', index + 1]),
    )
    expect(client.messages.at(-1)).toMatchObject({ code: 'too_many_commands' })
    clock.advance(1000)
    ask(1001, 51)
    await client.until(() => client.messages.length === 1052)
    expect(answers().slice(-2)).toEqual([
      ['subscriptions', 1050],
      ['error', 1051],
    ])
    expect(client.closed).toBeUndefined()
  })

  it('of anything counts, whatever it says', async () => {
    const clock = new FakeClock()
    clock.advance(1)
    server = await HandlerServer.start({ maxCommandsPerSecond: 4 }, { clock })
    const client = await server.connect('?symbols=A')
    client.socket.send('x')
    client.socket.send(Buffer.from('x'))
    client.socket.ping()
    client.socket.pong()
    const beyond = [
      'x',
      Buffer.from('x'),
      '{"type":"halt","id":7}',
      '[]',
      '{"id":{}}',
      '{"type":"list","id":8}',
    ]
    for (const message of beyond) client.socket.send(message)
    client.socket.ping()
    client.socket.send('{"id":"last"}')
    const error = (code: string, id?: number | string) => ({
      type: 'error',
      code,
      message: expect.any(String),
      ...(id === undefined ? {} : { id }),
    })
    const refused = (ids: (number | string | undefined)[]) => ids.map(id => error('too_many_commands', id))
    await client.until(() => client.messages.length === 7)
    expect(client.messages.slice(1)).toEqual([
      ...[error('malformed_json'), error('binary_message')],
      ...refused([undefined, 7, 8, 'last']),
    ])
    expect(client.pongs).toBe(1)
    clock.advance(1000)
    client.socket.send('{"type":"list","id":9}')
    for (let count = 0; count < 5; count++) client.socket.send('x')
    client.socket.send('{"id":10}')
    await client.until(() => client.messages.length === 13)
    expect(client.messages.slice(8)).toEqual([
      ...Array.from({ length: 3 }, () => error('malformed_json')),
      ...refused([undefined, 10]),
    ])
    expect(client.closed).toBeUndefined()
  })

  it('that fragments its messages as a proxy may is obeyed', async () => {
    server = await HandlerServer.start()
    const client = await server.connect('?symbols=A')
    const command = '{"type":"list","id":1}'
    for (const [index, character] of [...command].entries())
      client.socket.send(character, { fin: index === command.length - 1 })
    await client.until(() => client.messages.length === 2)
    expect(client.messages[1]).toMatchObject({ type: 'subscriptions', id: 1 })
  })
})
