/**
 * asyncapi.yaml against the server: what is described is what is sent, and nothing else.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { CLOSE_CODES } from '../src/protocol/close-codes.js'
import { COMMAND_ERRORS, REQUEST_ERRORS, SYMBOL_ERRORS } from '../src/protocol/error-codes.js'
import { HandlerServer, type TestClient } from './support/handler-server.js'
import { codeOf, readPage } from './support/markdown.js'
import { ProtocolDocument } from './support/protocol-document.js'
import { quote, trade } from './support/ticks.js'

let protocol: ProtocolDocument
let server: HandlerServer | undefined

/** The access of a client that is told of its end. */
const SHORT_MS = 500
/** The parser takes some seconds on a busy machine. */
const PARSE_TIMEOUT_MS = 60_000

beforeAll(async () => {
  protocol = await ProtocolDocument.read()
}, PARSE_TIMEOUT_MS)

afterEach(async () => {
  await server?.stop()
  server = undefined
})

/** Every message that the documentation shows, one a line in its blocks of JSON. */
function shownMessages(): { readonly type: string }[] {
  return ['README.md', 'docs/client-protocol.md']
    .flatMap(page => codeOf(readPage(page), 'json'))
    .flatMap(block => block.trim().split('\n'))
    .map(line => JSON.parse(line))
}

/** Those of them that a client sends. */
function shownCommands(): Command[] {
  const commands = protocol.messagesOf('command')
  return shownMessages().filter(({ type }) => commands.includes(type)) as Command[]
}

describe('asyncapi.yaml', () => {
  it('is valid for the AsyncAPI parser', () => {
    expect(protocol.complaints).toEqual([])
  })

  it('has an example for every message, which matches its schema', () => {
    for (const name of protocol.messageNames) {
      const examples = protocol.examplesOf(name)
      expect(examples.length).toBeGreaterThan(0)
      for (const example of examples)
        expect(protocol.errorIn(example as { readonly type: string })).toBeUndefined()
    }
  })

  it('refuses a message that does not match its schema', () => {
    expect(
      protocol.errorIn({
        type: 'live',
        offset: 1,
        seq: 2,
        replayed: { from: 1, to: 1, ticks: 0 },
        more: 3,
      } as never),
    ).toContain('additional')
    expect(protocol.errorIn({ type: 'live', offset: 1 } as never)).toContain('required')
  })

  it('describes every message that the documentation shows', () => {
    const messages = shownMessages()
    expect(new Set(messages.map(({ type }) => type)).size).toBeGreaterThan(10)
    for (const message of messages) expect(protocol.errorIn(message)).toBeUndefined()
  })

  it('describes exactly the messages that a server sends', async () => {
    server = await HandlerServer.start(
      { maxSymbolsPerClient: 5 },
      {
        authenticate: ({ token }) => ({
          user: 'alice',
          symbols: ['*'],
          expiresMs: token === 'short' ? Date.now() + SHORT_MS : undefined,
        }),
      },
    )
    const expiring = await server.connect('?token=short')
    const first = await server.connect('?snapshot=true&stamps=true')
    for (let tick = 1; tick <= 20; tick++) {
      server.handler.broadcastTick(tick % 3 === 0 ? trade('A', tick) : quote('A', tick))
      server.handler.broadcastTick({ ...quote('B', tick), sequence: 2n ** 60n + BigInt(tick) })
    }
    await first.until(() => first.ticks.length === 40)
    const { epoch } = first.messages[0] as { epoch: string }
    const resumed = await server.connect(`?resume=${epoch}:7&symbols=A,B,C,D,E`)
    const notResumed = await server.connect('?resume=other:7')
    const latest = await server.connect('?delivery=latest&interval=5&stamps=true')
    const quiet = await server.connect('?symbols=Z&heartbeat=1000')
    await resumed.until(() => has(resumed, 'live'))
    server.handler.setSourceState('down', 'the exchange is closed')
    server.handler.setSourceState('live')
    await first.until(() => has(first, 'status'))
    for (const command of [...examples(), ...shownCommands()]) await answerTo(resumed, command)
    await answerTo(resumed, { type: 'subscribe', id: 'refused', symbols: ['', 'A*B', 'F'] })
    await answerTo(resumed, { type: 'unsubscribe', id: 'unknown', symbols: ['nothing'] })
    await answerTo(resumed, { type: 'halt', id: 'error' })
    await notResumed.until(() => has(notResumed, 'snapshot'))
    for (let tick = 21; tick <= 40; tick++) server.handler.broadcastTick(quote('A', tick))
    await latest.until(() => latest.messages.some(message => message.type === 'ticks'))
    await quiet.until(() => has(quiet, 'heartbeat'))
    await expiring.until(() => has(expiring, 'token-expiring'))
    await server.handler.shutdown()
    const messages = [first, resumed, notResumed, latest, quiet, expiring].flatMap(client => client.messages)
    for (const message of messages) expect(protocol.errorIn(message)).toBeUndefined()
    const sent = new Set(messages.map(({ type }) => type))
    const commands = new Set(protocol.messagesOf('command'))
    expect([...sent].sort()).toEqual(protocol.messageNames.filter(name => !commands.has(name)).sort())
  })

  it.each([
    ['commandErrorCode', COMMAND_ERRORS],
    ['symbolErrorCode', SYMBOL_ERRORS],
    ['requestErrorCode', Object.assign({}, ...Object.values(REQUEST_ERRORS))],
  ])('has each code of %s with its meaning, and no others', (name, meanings: Record<string, string>) => {
    const { enum: codes, description = '' } = protocol.schema(name)
    expect([...codes!].sort()).toEqual(Object.keys(meanings).sort())
    const lines = Object.entries(meanings).map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
    expect(
      description
        .split('\n')
        .filter(line => line.startsWith('- '))
        .sort(),
    ).toEqual(lines.sort())
  })

  it('has each close code with its reason and meaning, and no others', () => {
    const lines = Object.values(CLOSE_CODES).map(({ code, reason, reconnect, when }) => {
      const advice = reconnect ? 'come back' : 'do not come back unchanged'
      return `- ${code} ${reason || '(no reason)'}, ${advice}: ${when}`
    })
    const listed = protocol.channelDescription.split('\n').filter(line => line.startsWith('- '))
    expect(listed).toEqual(lines)
  })

  it('names the parameters of the URL, and no others', async () => {
    server = await HandlerServer.start()
    const { body } = await server.refusal('/ws/ticks?nonsense=1')
    const { message } = body as { message: string }
    const names = message.slice(message.indexOf('there are ') + 'there are '.length).split(', ')
    expect(names.sort()).toEqual([...protocol.queryParameters].sort())
  })
})

function has(client: TestClient, type: string): boolean {
  return client.messages.some(message => message.type === type)
}

/** The commands that asyncapi.yaml gives as examples. */
function examples(): Command[] {
  return protocol.messagesOf('command').flatMap(name => protocol.examplesOf(name)) as Command[]
}

type Command = { readonly type: string; readonly id: number | string } & Record<string, unknown>

/** Gives a command and waits for what answers it. */
async function answerTo(client: TestClient, command: Command): Promise<void> {
  expect(client.socket.readyState).toBe(WebSocket.OPEN)
  client.socket.send(JSON.stringify(command))
  await client.until(() => client.messages.some(message => 'id' in message && message.id === command.id))
}
