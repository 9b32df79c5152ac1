/**
 * A gateway that has no room for the latest ticks of all symbols says so, wherever a symbol may be missing.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { SnapshotMessage } from '../../src/protocol/messages.js'
import { BinaryClient } from '../support/binary-client.js'
import { FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'

/** Room for about 200 symbols. */
const TIGHT = { latestBytes: 64 * 1024 }
const SYMBOLS = 400

let server: HandlerServer

afterEach(() => server.stop())

/** Pushes a tick of each symbol, and waits until the lane has read them. */
async function push(): Promise<void> {
  const first = await server.connect()
  for (let symbol = 0; symbol < SYMBOLS; symbol++) server.handler.broadcastTick(quote(`S${symbol}`, 1))
  await first.until(() => first.ticks.length === SYMBOLS)
}

async function snapshotOf(client: TestClient): Promise<SnapshotMessage> {
  const find = () => client.messages.find(({ type }) => type === 'snapshot')
  await client.until(() => find() !== undefined)
  return find() as SnapshotMessage
}

describe('a snapshot without room for all symbols', () => {
  it('says that it is incomplete, in both encodings', async () => {
    server = await HandlerServer.start({ ...FULL_SIZE, ...TIGHT })
    await push()
    const snapshot = await snapshotOf(await server.connect('?snapshot=true'))
    expect(snapshot.ticks.length).toBeLessThan(SYMBOLS)
    expect(snapshot.incomplete).toBe(true)
    const binary = await BinaryClient.connect(server.url('?snapshot=true'))
    await binary.until(() => binary.messages.length === 1)
    expect(binary.messages[0]).toMatchObject({ snapshot: true, incomplete: true })
    expect(server.handler.hasRoomForLatest()).toBe(false)
  })

  it('says nothing of the sort when all of its symbols have room', async () => {
    server = await HandlerServer.start({ ...FULL_SIZE, ...TIGHT })
    await push()
    expect(await snapshotOf(await server.connect('?snapshot=true&symbols=S0,S1'))).not.toHaveProperty(
      'incomplete',
    )
    const lacking = await snapshotOf(await server.connect(`?snapshot=true&symbols=S0,S${SYMBOLS - 1}`))
    expect(lacking).toMatchObject({ incomplete: true, ticks: [{ symbol: 'S0' }] })
  })

  it('says so after a gap, too', async () => {
    server = await HandlerServer.startOnUnixSocket({ ...FULL_SIZE, ...TIGHT })
    await push()
    const slow = await server.connect('?maxLagBytes=1000')
    slow.socket.pause()
    await server.pushUntilBlocked()
    await push()
    slow.socket.resume()
    expect((await snapshotOf(slow)).incomplete).toBe(true)
    expect(slow.messages.some(({ type }) => type === 'gap')).toBe(true)
  })
})

it('is told in the log, once', async () => {
  const warnings: string[] = []
  const log = {
    debug: () => {},
    info: () => {},
    error: () => {},
    warn: (_: object, text: string) => void warnings.push(text),
  }
  server = await HandlerServer.start({ ...FULL_SIZE, ...TIGHT }, { log })
  await push()
  await push()
  await server.until(() => warnings.length > 0)
  expect(warnings).toEqual([expect.stringContaining('RINGCAST_LATEST_BYTES')])
})

it('is not told while there is room', async () => {
  server = await HandlerServer.start(FULL_SIZE)
  await push()
  expect(await snapshotOf(await server.connect('?snapshot=true'))).not.toHaveProperty('incomplete')
  expect(server.handler.hasRoomForLatest()).toBe(true)
})
