/**
 * A browser's own WebSocket as the client. Needs Chromium; where there is none, these tests are skipped.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { BROWSER_TIMEOUT_MS, browserPath, NO_BROWSER, runInBrowser } from '../support/browser.js'
import { HandlerServer } from '../support/handler-server.js'
import { decodeTicksMessage } from '../support/proto-messages.js'
import { ProtocolDocument } from '../support/protocol-document.js'
import { quote } from '../support/ticks.js'

const path = browserPath()
let server: HandlerServer
let timer: NodeJS.Timeout

afterEach(async () => {
  clearInterval(timer)
  await server?.stop()
})

async function start(options = {}): Promise<string> {
  server = await HandlerServer.start(options)
  let sequence = 0
  timer = setInterval(() => {
    server.handler.broadcastTick(quote('A', ++sequence))
    server.handler.broadcastTick(quote('B', sequence))
  }, 5)
  return server.url()
}

interface Seen {
  readonly protocol: string
  readonly extensions: string
  readonly messages: (string | number[])[]
  readonly closed: { readonly code: number; readonly wasClean: boolean }
}

/** In the page: connects, gives each command after the one before has been answered, then waits for five ticks and closes. */
const SESSION = `async ({ url, subprotocol, commands }) => {
  const socket = new WebSocket(url, subprotocol)
  socket.binaryType = 'arraybuffer'
  const messages = []
  const left = [...commands]
  let answers = 0
  let dataMessages = 0
  const closed = await new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error('the connection failed'))
    socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean })
    socket.onmessage = ({ data }) => {
      const isText = typeof data === 'string'
      messages.push(isText ? data : [...new Uint8Array(data)])
      const { id, type } = isText ? JSON.parse(data) : { type: 'ticks' }
      if (id !== undefined) answers++
      if (type === 'ticks') {
        if (answers === commands.length && ++dataMessages === 5) socket.close(1000)
      } else if ((id !== undefined || type === 'subscribed') && left.length > 0)
        socket.send(JSON.stringify(left.shift()))
    }
  })
  return { protocol: socket.protocol, extensions: socket.extensions, messages, closed }
}`

describe('a browser', () => {
  it(
    'subscribes, changes what it gets, is told what is wrong, and closes',
    async ({ skip }) => {
      skip(path === undefined, NO_BROWSER)
      const url = `${await start()}?symbols=A`
      const commands = [
        { type: 'subscribe', id: 1, symbols: ['B'], delivery: 'latest', interval: 10 },
        { type: 'halt', id: 2 },
        { type: 'list', id: 3 },
      ]
      const seen = (await runInBrowser(path!, SESSION, {
        url,
        subprotocol: 'ringcast.v1.json',
        commands,
      })) as Seen
      const messages = seen.messages.map(text => JSON.parse(text as string) as ServerMessage)
      expect(seen).toMatchObject({ protocol: 'ringcast.v1.json', closed: { code: 1000, wasClean: true } })
      const protocol = await ProtocolDocument.read()
      for (const message of messages) expect(protocol.errorIn(message)).toBeUndefined()
      expect(messages.filter(message => 'id' in message)).toMatchObject([
        { type: 'subscribed', id: 1, delivery: 'latest', interval: 10 },
        { type: 'error', id: 2, code: 'unknown_type' },
        { type: 'subscriptions', id: 3 },
      ])
      let seq = -1
      for (const message of messages) {
        if (message.type === 'ticks') expect(message.seq).toBe(++seq)
        else if ('seq' in message) seq = message.seq
      }
      await server.until(() => server.handler.getClientCount() === 0)
    },
    BROWSER_TIMEOUT_MS,
  )

  it(
    'gets protobuf, compressed if the gateway does that',
    async ({ skip }) => {
      skip(path === undefined, NO_BROWSER)
      const url = await start({ compression: true, compressionMinBytes: 16 })
      const seen = (await runInBrowser(path!, SESSION, {
        url,
        subprotocol: 'ringcast.v1.protobuf',
        commands: [],
      })) as Seen
      expect(seen).toMatchObject({ protocol: 'ringcast.v1.protobuf', closed: { wasClean: true } })
      expect(seen.extensions).toContain('permessage-deflate')
      const binary = seen.messages.filter(message => typeof message !== 'string')
      expect(binary.length).toBeGreaterThanOrEqual(5)
      let { seq } = JSON.parse(seen.messages[0] as string) as { seq: number }
      for (const bytes of binary) {
        const { seq: own, ticks } = decodeTicksMessage(Uint8Array.from(bytes))
        expect(own).toBe(++seq)
        for (const { symbol, sequence, bid } of ticks) {
          expect(['A', 'B']).toContain(symbol)
          expect(bid).toBe(Number(sequence) + 0.25)
        }
      }
    },
    BROWSER_TIMEOUT_MS,
  )
})
