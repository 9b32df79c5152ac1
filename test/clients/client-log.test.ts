import { afterEach, describe, expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { ClientLog } from '../../src/clients/client-log.js'
import { LINES_MAX } from '../../src/common/limited-lines.js'
import { FakeClock } from '../support/fake-clock.js'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'
import type { KernelReader } from '../support/kernel-reader.js'
import { RecordedLog } from '../support/recorded-log.js'

let server: HandlerServer
let log: RecordedLog

async function start(options: Parameters<typeof HandlerServer.start>[0] = {}): Promise<void> {
  log = new RecordedLog()
  server = await HandlerServer.start(options, { log })
}

afterEach(() => server.stop())

function lastOffset({ messages }: KernelReader): number | undefined {
  const offsets = messages.flatMap(message => ('offset' in message ? [Number(message.offset)] : []))
  return offsets.at(-1)
}

describe('the log about clients', () => {
  it('tells who comes, and what the client was given when it leaves', async () => {
    await start()
    const client = await server.connect('?symbols=A&batch=false')
    for (let sequence = 1; sequence <= 5; sequence++) {
      server.handler.broadcastTick(quote('A', sequence))
      server.handler.broadcastTick(quote('B', sequence))
    }
    await client.until(() => client.ticks.length === 5)
    client.socket.close(4321)
    await log.until(() => log.with('has left').length > 0)
    const first = client.messages[0] as { client?: string }
    const who = { client: first.client, address: '127.0.0.1', user: null, level: 'info' }
    expect(log.with('has come')).toMatchObject([who])
    expect(log.with('has left')).toMatchObject([
      { ...who, reason: 'client', code: 4321, ticks: 5, worstLagMs: 0, gaps: 0 },
    ])
    const { ageMs, bytes } = log.with('has left')[0]!
    expect(ageMs).toBeGreaterThanOrEqual(0)
    // The response to the upgrade and seven frames.
    expect(bytes).toBeGreaterThan(500)
    expect(bytes).toBeLessThan(2500)
  })

  it('counts the ticks of snapshots, of earlier audiences, and after a change of symbols', async () => {
    await start()
    server.handler.broadcastTick(quote('A', 1))
    const client = await server.connect('?symbols=A&snapshot=true')
    await client.until(() => client.messages.some(({ type }) => type === 'snapshot'))
    server.handler.broadcastTick(quote('A', 2))
    await client.until(() => client.ticks.length === 1)
    client.socket.send('{"type":"subscribe","id":1,"symbols":["B"]}')
    await client.until(() => client.messages.filter(({ type }) => type === 'subscribed').length === 2)
    for (const symbol of ['A', 'B']) server.handler.broadcastTick(quote(symbol, 3))
    await client.until(() => client.ticks.length === 3)
    client.socket.terminate()
    await log.until(() => log.with('has left').length > 0)
    expect(log.with('has left')).toMatchObject([{ code: 1006, ticks: 4 }])
  })

  it('warns of a client that the gateway ends', async () => {
    await start({ maxMessageBytes: 256 })
    const client = await server.connect()
    client.socket.send('x'.repeat(257))
    await log.until(() => log.with('was ended').length > 0)
    expect(log.with('was ended')).toMatchObject([{ level: 'warn', reason: 'protocol' }])
  })

  it.each([
    ['catches up from the ring', FULL_SIZE, 0],
    ['is overrun', {}, 1],
  ])('counts what a slow client was given that %s, and its worst lag', async (_, options, gaps) => {
    log = new RecordedLog()
    server = await HandlerServer.startOnUnixSocket(options, { log })
    const reader = await server.connectReader()
    let before = await server.pushUntilBlocked()
    for (const end = before + 20_000; before < end; ) {
      if (server.handler.broadcastTick(quote('A', before + 1))) before++
      else await new Promise(setImmediate)
    }
    await reader.readUntil(() => Number(lastOffset(reader)) >= before)
    server.handler.broadcastTick(quote('A', 1))
    await reader.readUntil(() => Number(lastOffset(reader)) >= before + 1)
    reader.destroy()
    await log.until(() => log.with('has left').length > 0)
    const behind = log.with('does not keep up')
    expect(behind).toHaveLength(gaps)
    for (const line of behind) {
      expect(line).toMatchObject({ level: 'warn', gaps: 1, user: null })
      expect(line.missed).toBe(server.count('ticksDroppedSlow'))
      expect(line.worstLagMs).toBeGreaterThan(0)
    }
    const snapshots = reader.messages.flatMap(message => (message.type === 'snapshot' ? message.ticks : []))
    const line = log.with('has left')[0]!
    expect(line).toMatchObject({ ticks: reader.sequences.length + snapshots.length, gaps })
    expect(line.worstLagMs).toBeGreaterThan(0)
    if (gaps === 0) expect(line.ticks).toBe(before + 1)
  })

  it('names a client that does not keep up once a minute', async () => {
    await start()
    const clock = new FakeClock()
    const lines = new ClientLog({ clock, log })
    const client = {
      recipient: { name: 'slow', gaps: 1, worstLagMs: 5 },
      slowToldMs: Number.NEGATIVE_INFINITY,
    }
    const quick = { ...client, recipient: { ...client.recipient, name: 'other' } }
    for (const seconds of [0, 1, 58, 1]) {
      clock.advance(seconds * 1000)
      for (const each of [client, quick]) lines.fellBehind(each as Client, 9)
    }
    expect(log.with('does not keep up').map(line => line.client)).toEqual(['slow', 'other', 'slow', 'other'])
    lines.stop()
  })

  it('names the limit that refuses clients, and tells a number in place of many lines', async () => {
    await start({ maxClients: 1 })
    await server.connect()
    for (let count = 0; count < LINES_MAX + 5; count++) await server.refusal('/ws/ticks')
    await server.refusal('/elsewhere')
    const refused = log.with('was refused')
    expect(refused).toHaveLength(LINES_MAX + 1)
    expect(refused[0]).toMatchObject({
      level: 'warn',
      reason: 'limit',
      status: 503,
      address: '127.0.0.1',
      setting: 'RINGCAST_MAX_CLIENTS',
    })
    // A kind of its own.
    expect(refused.at(-1)).toMatchObject({ level: 'info', reason: 'unknown_path' })
    await server.endClients()
    await server.handler.shutdown()
    expect(log.with('more clients were refused')).toMatchObject([
      { level: 'warn', suppressed: 5, reason: 'limit' },
    ])
  })
})
