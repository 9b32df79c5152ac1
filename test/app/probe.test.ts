import { execFile } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { probe } from '../../src/app/probe.js'
import { parseConfig } from '../../src/config/config.js'
import { AcmeFeed } from '../support/acme-feed.js'
import { TestFolder } from '../support/acme-proto.js'
import { FakeClock } from '../support/fake-clock.js'
import { until } from '../support/until.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const folder = new TestFolder()
const proto = folder.writeAcme()
let feed: AcmeFeed | undefined

afterEach(async () => {
  await feed?.stop()
  feed = undefined
})
afterAll(() => folder.remove())

/** What the command says. The address of the feed is left out. */
async function run(...argv: string[]) {
  const parsed = parseConfig({ env: {}, argv: ['probe', ...argv], availableParallelism: 1 })
  if (parsed.command !== 'probe') throw new Error(parsed.command)
  const results: string[] = []
  const progress: string[] = []
  const plain = (line: string) => line.replaceAll(parsed.probe.target, 'feed:1').replaceAll(folder.path, '.')
  const exitCode = await probe(parsed.probe, {
    result: line => results.push(plain(line)),
    progress: line => progress.push(plain(line)),
  })
  return { exitCode, results: results.join('\n'), progress }
}

async function acme(): Promise<string> {
  feed = new AcmeFeed()
  await feed.start()
  return feed.target
}

const SERVICES = `acme.md.MarketData
  Subscribe         acme.md.SubscribeRequest -> stream acme.md.Update
  SubscribeBatches  acme.md.SubscribeRequest -> stream acme.md.UpdateBatch
  GetStatus         acme.md.SubscribeRequest -> acme.md.Update
  Upload            stream acme.md.Update -> acme.md.SubscribeRequest
  Talk              stream acme.md.SubscribeRequest -> stream acme.md.Update
acme.md.Reference
  GetSymbols  acme.md.SubscribeRequest -> acme.md.Update`

const METHOD = `The request:

acme.md.SubscribeRequest
  symbols: repeated string
  from_sequence: int64
  venue: enum acme.common.Venue (VENUE_UNKNOWN, NEW_YORK)

A message of the stream:

acme.md.Update
  header: acme.common.Header
    instrument: string
    seq: uint64
    venue: enum acme.common.Venue (VENUE_UNKNOWN, NEW_YORK)
    sent_at: string
  oneof event
    book: acme.md.Book
      symbol: string
      bids: repeated acme.md.Level
        price: double
        size: double
      asks: repeated acme.md.Level
        price: double
        size: double
      at: google.protobuf.Timestamp
    trade: acme.md.Trade
      symbol: string
      price: double
      size: double
      at: google.protobuf.Timestamp
  side: enum acme.md.Update.Side (NONE, BUY, SELL)
  ticker: string
  tags: repeated string
  labels: map<string, string>
  time_ms: int64
  received: google.protobuf.Timestamp
  position: uint64
  price: double
  oneof note
    text: string
    level: acme.md.Level
      price: double
      size: double

Proposed settings, guessed from names and types:

RINGCAST_UPSTREAM=feed:1
RINGCAST_UPSTREAM_METHOD=acme.md.MarketData/Subscribe
RINGCAST_TICK_SYMBOL=event.symbol
RINGCAST_TICK_KIND=event
RINGCAST_TICK_TIME=time_ms:ms
RINGCAST_TICK_SEQUENCE=header.seq`

describe('ringcast probe', () => {
  it('lists the services of a feed', async () => {
    expect(await run(await acme())).toEqual({
      exitCode: 0,
      results: SERVICES,
      progress: [
        'asking feed:1 for its types',
        'look at the messages of a method: ringcast probe feed:1 --method acme.md.MarketData/Subscribe',
      ],
    })
  })

  it('prints the messages of a method, and proposes settings', async () => {
    const { exitCode, results } = await run(await acme(), '--method=acme.md.MarketData/Subscribe')
    expect(results).toBe(METHOD)
    expect(exitCode).toBe(0)
  })

  it('prints the settings only, to copy, also from a file', async () => {
    const { results, progress } = await run(
      'feed:1',
      `--proto=${proto}`,
      '--method=acme.md.MarketData/SubscribeBatches',
      '--print-env',
      '--upstream-tls',
    )
    expect(results).toBe(`RINGCAST_UPSTREAM=feed:1
RINGCAST_UPSTREAM_METHOD=acme.md.MarketData/SubscribeBatches
RINGCAST_UPSTREAM_PROTO=./acme/md/market.proto
RINGCAST_UPSTREAM_TLS=true
RINGCAST_TICK_REPEATED=updates
RINGCAST_TICK_SYMBOL=event.symbol
RINGCAST_TICK_KIND=event
RINGCAST_TICK_TIME=time_ms:ms
RINGCAST_TICK_SEQUENCE=header.seq`)
    expect(progress).toEqual(['reading ./acme/md/market.proto'])
  })

  it('says what it could not guess', async () => {
    const plain = folder.write(
      'plain.proto',
      `syntax = "proto3"; message Q {} message M { string what = 1; int64 ts = 2; }
       service S { rpc Get(Q) returns (stream M); }`,
    )
    const { results, progress } = await run('feed:1', `--proto=${plain}`, '--method=S/Get', '--print-env')
    expect(results).not.toContain('RINGCAST_TICK')
    expect(progress.slice(1)).toEqual([
      'no text looks like a symbol: set RINGCAST_TICK_SYMBOL to the path of the field that holds it',
      'the unit of ts is not known: set RINGCAST_TICK_TIME to ts:ns, :us, :ms or :s',
    ])
  })

  it('names the cases of a oneof that are no ticks', async () => {
    const mixed = folder.write(
      'mixed.proto',
      `syntax = "proto3"; message T { string symbol = 1; } message B { int64 at = 1; } message Q {}
       message M { oneof event { B beat = 1; string text = 2; T trade = 3; T quote = 4; } }
       service S { rpc Get(Q) returns (stream M); }`,
    )
    const { results, progress } = await run('feed:1', `--proto=${mixed}`, '--method=S/Get', '--print-env')
    expect(results).toContain('RINGCAST_TICK_SYMBOL=event.symbol\nRINGCAST_TICK_KIND=event')
    expect(progress.slice(1)).toEqual([
      'the case beat of the oneof event (B has no field symbol; it has at) has no symbol: its messages are no ticks, and are skipped',
      'the case text of the oneof event has no symbol: its messages are no ticks, and are skipped',
    ])
  })

  it('prints the first ticks as clients would see them, with paths of the user in place of proposed ones', async () => {
    const target = await acme()
    const done = run(
      target,
      '--method=acme.md.MarketData/SubscribeBatches',
      '--sample=2',
      '--upstream-request={"symbols":["A"]}',
      '--tick-kind=side',
    )
    const call = await feed!.call(1)
    expect(call.request).toEqual({ symbols: ['A'] })
    const update = (price: number) => ({ trade: { symbol: 'A', price }, side: 'BUY', time_ms: 1 })
    const long = { trade: { symbol: 'x'.repeat(65) } }
    call.send({ updates: [update(1), { side: 'BUY' }] })
    call.send({ updates: [{ side: 'BUY' }, long, update(3)] })
    const { exitCode, results, progress } = await done
    expect(exitCode).toBe(0)
    expect(results).toContain('RINGCAST_UPSTREAM_REQUEST={"symbols":["A"]}\n')
    expect(results).toContain('RINGCAST_TICK_KIND=side\n')
    const [, ticks = ''] = results.split('The first ticks, as clients would see them:\n\n')
    expect(ticks.split('\n').map(line => JSON.parse(line))).toMatchObject([
      { symbol: 'A', kind: 'BUY', trade: { price: 1 } },
    ])
    expect(progress.slice(2)).toEqual([
      'a message has no symbol: it is no tick, and is skipped, as further ones are',
      'a tick is malformed: clients would be told of a gap',
    ])
  })

  it('prints settings that Node reads back from a file', async () => {
    const request = '{"symbols":["#A"],\n  "venue":"NEW_YORK"}'
    const { exitCode, results } = await run(
      ...['feed:1', `--proto=${proto}`, '--method=acme.md.MarketData/Subscribe', '--print-env'],
      `--upstream-request=${request}`,
    )
    expect(exitCode).toBe(0)
    const { RINGCAST_UPSTREAM_REQUEST: read } = parseEnv(results)
    expect(JSON.parse(read!)).toEqual(JSON.parse(request))
  })

  it('does not wait for ever at a quiet feed, and says what has come', async () => {
    const clock = new FakeClock()
    const argv = ['probe', await acme(), '--method=acme.md.MarketData/Subscribe', '--sample=3']
    const parsed = parseConfig({ env: {}, argv, availableParallelism: 1 })
    if (parsed.command !== 'probe') throw new Error(parsed.command)
    const [results, progress]: [string[], string[]] = [[], []]
    const output = {
      result: (line: string) => results.push(line),
      progress: (line: string) => progress.push(line),
    }
    const done = probe(parsed.probe, output, clock)
    const call = await feed!.call(1)
    call.send({ trade: { symbol: 'A', price: 1 } })
    call.send({ side: 'BUY' })
    await until(() => progress.at(-1)!.startsWith('a message has no symbol'))
    clock.advance(9_999)
    await setImmediate()
    expect(progress.at(-1)).not.toContain('of 3 ticks in')
    clock.advance(1)
    expect(await done).toBe(1)
    expect(results.at(-1)).toContain('"symbol":"A"')
    expect(progress.at(-1)).toContain(
      'the feed sent 1 of 3 ticks in 10000 ms, 0 of them malformed, and 1 messages without a symbol',
    )
  })

  it('has exit code 1 when the call for ticks fails', async () => {
    const target = await acme()
    const done = run(target, '--method=acme.md.MarketData/Subscribe', '--sample=1')
    ;(await feed!.call(1)).end()
    const { exitCode, progress } = await done
    expect(exitCode).toBe(1)
    expect(progress.at(-1)).toContain('UNAVAILABLE: the feed goes away')
  })

  it('has exit code 1 when the feed cannot be reached', async () => {
    const target = await acme()
    await feed!.stop()
    const { exitCode, results, progress } = await run(target)
    expect([exitCode, results]).toEqual([1, ''])
    expect(progress.at(-1)).toContain('the feed at feed:1 does not tell its types: UNAVAILABLE: ')
  })

  it.each([
    [
      ['--method=acme.md.MarketData/Watch'],
      '--method=acme.md.MarketData/Watch: acme.md.MarketData has no method Watch; ',
    ],
    [
      ['--method=acme.md.MarketDat/Subscribe'],
      'there is no service acme.md.MarketDat; did you mean acme.md.MarketData?',
    ],
    [['--proto=/none'], '--proto=/none: must be a file that can be read'],
    [
      ['--method=acme.md.MarketData/Subscribe', '--print-env', '--tick-kind=prce'],
      'RINGCAST_TICK_KIND=prce: acme.md.Update has no field prce; did you mean price?',
    ],
    [
      ['--upstream-tls', '--upstream-tls-ca=/none'],
      'RINGCAST_UPSTREAM_TLS_CA=/none: must be a file that can be read',
    ],
  ])('has exit code 2 for %j', async (argv, message) => {
    const { exitCode, results, progress } = await run(await acme(), ...argv)
    expect([exitCode, results]).toEqual([2, ''])
    expect(progress.at(-1)).toContain(message)
  })

  it.each([
    [[], 'host:port: must be given, such as feed.example:50051'],
    [['feed'], 'feed: must be host:port, such as feed.example:50051'],
    [['a:1', 'b:1'], 'b:1: only one feed at a time'],
    [['a:1', '--methd=x'], '--methd: unknown; did you mean --method?'],
    [['a:1', '--method=x'], '--method=x: must be a method such as acme.md.MarketData/Subscribe'],
    [['a:1', '--port=1'], '--port: unknown'],
    [['a:1', '--sample=5'], '--sample: needs --method'],
    [['a:1', '--sample=5', '--method=a.B/C', '--print-env'], '--sample: has no effect with --print-env'],
  ])('refuses the words %j', (argv, message) => {
    const parse = () => parseConfig({ env: {}, argv: ['probe', ...argv], availableParallelism: 1 })
    expect(parse).toThrow(message)
  })

  it('takes how to call the feed from the variables of the gateway', () => {
    const env = { RINGCAST_UPSTREAM_TLS: 'true', RINGCAST_UPSTREAM_METADATA: 'a=b', RINGCAST_PORT: '1' }
    expect(parseConfig({ env, argv: ['probe', 'a:1'], availableParallelism: 1 })).toMatchObject({
      command: 'probe',
      probe: { target: 'a:1', upstreamTls: true, upstreamMetadata: 'a=b', printEnv: false },
    })
  })

  it('is a command whose result alone is on stdout', async () => {
    const target = await acme()
    const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>(resolve => {
      execFile(process.execPath, [MAIN, 'probe', target], (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      )
    })
    expect(ended).toMatchObject({ code: 0, stdout: `${SERVICES}\n` })
    expect(ended.stderr).toContain(`asking ${target} for its types`)
  })
})
