/**
 * The gateway as a process, with a feed of another schema: what it does until it knows the schema.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AcmeFeed } from '../support/acme-feed.js'
import { TestFolder } from '../support/acme-proto.js'
import { Ringcast } from '../support/ringcast-process.js'

let feed: AcmeFeed
let ringcast: Ringcast | undefined

afterEach(async () => {
  await ringcast?.kill('SIGKILL')
  ringcast = undefined
  await feed.stop()
})

async function start(env: Record<string, string>, isUp = true): Promise<Ringcast> {
  feed = new AcmeFeed()
  await feed.start()
  if (!isUp) await feed.stop()
  ringcast = new Ringcast([], {
    env: {
      RINGCAST_HOST: '127.0.0.1',
      RINGCAST_UPSTREAM: feed.target,
      RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/Subscribe',
      RINGCAST_TICK_SYMBOL: 'event.symbol',
      ...env,
    },
  })
  return ringcast
}

describe('a schema that does not fit', () => {
  it('ends the start with 2 and every fault, before anything is served', async () => {
    const started = await start({ RINGCAST_TICK_KIND: 'event.symbl', RINGCAST_TICK_TIME: 'time_ms' })
    expect(await started.ended()).toBe(2)
    expect(started.lines.find(({ code }) => code !== undefined)).toMatchObject({
      code: 'schema_invalid',
      msg:
        'RINGCAST_TICK_KIND=event.symbl: the case book of the oneof event does not fit: acme.md.Book has no field symbl; ' +
        'did you mean symbol?\n' +
        'RINGCAST_TICK_TIME=time_ms: time_ms of acme.md.Update is int64 and needs a unit: write time_ms:ns, :us, :ms or :s',
    })
    expect(await started.line('streaming')).toBeUndefined()
  })

  it('ends it with 2 also where a file says so', async () => {
    const folder = new TestFolder()
    const started = await start({ RINGCAST_UPSTREAM_PROTO: folder.write('a.proto', 'message {') })
    expect(await started.ended()).toBe(2)
    expect(started.lines.find(({ code }) => code !== undefined)!.msg).toMatch(
      /^RINGCAST_UPSTREAM_PROTO=.*a\.proto: must be a \.proto file, or a descriptor set of protoc: illegal type name/,
    )
    folder.remove()
  })
})

describe('a feed that is down at the start', () => {
  it('is waited for: the gateway is alive and not ready, tells why, and ends with 0 at a signal', async () => {
    const started = await start({}, false)
    const { adminUrl } = (await started.line('loading the schema of the feed'))!
    await started.until(() => started.lines.some(({ level }) => level === 'warn'))
    expect(started.lines.find(({ level }) => level === 'warn')!.msg).toMatch(
      /does not tell its types: UNAVAILABLE: .*: trying until it does$/,
    )
    expect((await fetch(`${adminUrl}/livez`)).status).toBe(200)
    const ready = await fetch(`${adminUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({
      ready: false,
      checks: { upstream: expect.stringContaining('does not tell its types: UNAVAILABLE') },
    })
    expect((await fetch(`${adminUrl}/metrics.json`)).status).toBe(200)
    await started.kill('SIGTERM')
    expect(await started.ended()).toBe(0)
    expect(await started.line('streaming')).toBeUndefined()
  })

  it('lets no client in until the schema is known, on a port that is open from the start', async () => {
    const started = await start(
      { RINGCAST_RETRY_AFTER_S: '7', RINGCAST_UPSTREAM_BACKOFF_MAX_MS: '200' },
      false,
    )
    const { adminUrl, webSocketUrl } = (await started.line('loading the schema of the feed'))!
    const url = webSocketUrl!.replace('[::]', '127.0.0.1')
    const early = new WebSocket(url)
    const [, response] = (await once(early, 'unexpected-response')) as [unknown, IncomingMessage]
    expect(response.statusCode).toBe(503)
    const retryAfterS = Number(response.headers['retry-after'])
    expect(retryAfterS).toBeGreaterThanOrEqual(7)
    expect(retryAfterS).toBeLessThanOrEqual(15)
    expect(JSON.parse((await response.setEncoding('utf8').toArray()).join(''))).toEqual({
      type: 'error',
      code: 'feed_unknown',
      message: 'the feed has not told its schema yet: try again later',
    })
    const { server } = (await (await fetch(`${adminUrl}/metrics.json`)).json()) as {
      server: Record<string, number>
    }
    expect(server).toMatchObject({ refusedFeedUnknown: 1, acceptErrors: 0 })
    await feed.start()
    expect((await started.streaming()).webSocketUrl).toBe(url)
    const client = new WebSocket(url)
    await once(client, 'open')
    client.terminate()
  })
})
