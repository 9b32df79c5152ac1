/** The server of NATS is killed while clients are given ticks that have left the tick log. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HandlerServer } from '../support/handler-server.js'
import { noNatsServer } from '../support/nats-server.js'
import { PastStage } from '../support/past-stage.js'
import { gapsOf, got, isLive, type PastClient } from '../support/replay-stage.js'
import { sequences } from '../support/ticks.js'
import { until } from '../support/until.js'

const PER_MESSAGE = 500
/** The longest symbol: 60,000 ticks are more than a reading and a connection hold. */
const FILL = 'FILL'.padEnd(64, '-')
const TICKS = 60_000

describe.skipIf(noNatsServer !== undefined)('the server of NATS is killed', () => {
  let stage: PastStage
  let server: HandlerServer
  /** Does not read its socket. */
  let blocked: PastClient
  /** Reads. */
  let reader: PastClient

  beforeEach(async () => {
    stage = new PastStage()
    await stage.nats.start()
    await stage.newStream()
    const { stored } = stage
    while (stored.offset < TICKS) await stored.ticks(Array.from({ length: PER_MESSAGE }, () => FILL))
    server = await stage.begunGateway({ writeTimeoutMs: 600_000 })
    blocked = await stage.connect(server, '?resume=E:0&batch=false')
    blocked.socket.pause()
    await until(() => server.count('writesBlocked') > 0)
    reader = await stage.connect(server, '?resume=E:0')
    await reader.until(() => reader.ticks.length > 0)
    await stage.nats.kill()
    blocked.socket.resume()
  })
  afterEach(async () => {
    await stage.clear()
    await stage.nats.stop()
  })

  it('and comes back: the replays go on where they were', async () => {
    await stage.nats.start()
    for (const client of [blocked, reader]) {
      await client.until(isLive(client))
      expect(got(client)).toEqual(sequences(1, TICKS + 1))
      expect([client.gaps, client.silentErrors]).toEqual([[], []])
    }
    await stage.stored.reachable()
    await stage.stored.upTo(TICKS + 11)
    for (const client of [blocked, reader]) {
      await client.until(() => got(client).at(-1) === TICKS + 11)
      expect(got(client)).toEqual(sequences(1, TICKS + 11))
      expect([client.gaps, client.silentErrors]).toEqual([[], []])
    }
  })

  it('and stays away: the replays end with a gap, and clients are live when it is back', async () => {
    const clients = [blocked, reader]
    for (const client of clients) await client.until(isLive(client))
    await stage.nats.start()
    await stage.stored.reachable()
    await stage.stored.upTo(TICKS + 11)
    for (const client of clients) {
      await client.until(() => got(client).at(-1) === TICKS + 11)
      const last = got(client).findLast(offset => offset <= TICKS)!
      expect(got(client)).toEqual([...sequences(1, last), ...sequences(TICKS + 2, TICKS + 11)])
      expect(gapsOf(client)).toEqual([['resume', last + 1, TICKS + 1, null]])
      expect(client.silentErrors).toEqual([])
    }
    // What is missing can still be had.
    const again = await stage.connect(server, `?resume=E:${TICKS - 5}`)
    await again.until(isLive(again))
    expect(got(again)).toEqual(sequences(TICKS - 4, TICKS + 11))
  })
})
