import { afterEach, describe, expect, it } from 'vitest'
import { HandlerServer } from '../support/handler-server.js'

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server.stop())

describe('an upgrade request', () => {
  it('is refused with 503 and Retry-After while all places are taken', async () => {
    await start({ maxClients: 2, retryAfterS: 7 })
    const first = await server.connect()
    await server.connect()
    expect(await server.refusal('/ws/ticks')).toMatchObject({
      status: 503,
      headers: {
        'retry-after': expect.stringMatching(/^([7-9]|1[0-4])$/),
        connection: 'close',
        'content-type': 'application/json',
      },
      body: { type: 'error', code: 'limit', message: 'all 2 places are taken: try again later' },
    })
    expect(server.counts('refused')).toEqual({ refusedLimit: 1 })
    expect(server.handler.getClientCount()).toBe(2)
    first.socket.close()
    await server.until(() => server.handler.getClientCount() === 1)
    await server.connect()
    expect(server.handler.getClientCount()).toBe(2)
    expect(server.count('connections')).toBe(3)
  })

  it('for another path is refused with 404', async () => {
    await start()
    const { status, headers, body } = await server.refusal('/ws/tock')
    expect(status).toBe(404)
    expect(headers['retry-after']).toBeUndefined()
    expect(body).toMatchObject({ type: 'error', code: 'unknown_path' })
    expect(server.counts('refused')).toEqual({ refusedPath: 1 })
  })

  it.each([
    ['an unknown parameter', '/ws/ticks?symbol=A', {}, 'GET', 'unknown_parameter'],
    ['an unknown subprotocol', '/ws/ticks', { 'Sec-WebSocket-Protocol': 'x' }, 'GET', 'unknown_subprotocol'],
    ['another protocol', '/ws/ticks', { Upgrade: 'h2c' }, 'GET', 'bad_handshake'],
    ['another version', '/ws/ticks', { 'Sec-WebSocket-Version': '12' }, 'GET', 'bad_handshake'],
    ['no proper key', '/ws/ticks', { 'Sec-WebSocket-Key': 'x' }, 'GET', 'bad_handshake'],
    ['another method', '/ws/ticks', {}, 'PUT', 'bad_handshake'],
    [
      'broken subprotocols',
      '/ws/ticks',
      { 'Sec-WebSocket-Protocol': 'ringcast.v1.json,,' },
      'GET',
      'bad_handshake',
    ],
  ])('with %s is refused with 400 and counted', async (_, target, headers, method, code) => {
    await start()
    const { status, headers: responseHeaders, body } = await server.refusal(target, headers, method)
    expect(status).toBe(400)
    expect(body).toEqual({ type: 'error', code, message: expect.any(String) })
    expect(responseHeaders['sec-websocket-version']).toBe(code === 'bad_handshake' ? '13, 8' : undefined)
    expect(server.counts('refused')).toEqual({ refusedRequest: 1 })
    expect(server.counts('connections')).toEqual({})
  })

  it('does no harm when its sender leaves before the response', async () => {
    await start()
    const raw = await server.connectRaw('/nowhere')
    raw.resetAndDestroy()
    await server.connect()
    expect(server.handler.getClientCount()).toBe(1)
  })
})
