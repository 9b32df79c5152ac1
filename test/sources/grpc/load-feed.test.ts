import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type LoadFeedOptions, loadFeed } from '../../../src/sources/grpc/load-feed.js'
import { AcmeFeed } from '../../support/acme-feed.js'
import { TestFolder } from '../../support/acme-proto.js'

const folder = new TestFolder()
const proto = folder.writeAcme()
let feed: AcmeFeed | undefined

afterEach(async () => {
  await feed?.stop()
  feed = undefined
})
afterAll(() => folder.remove())

const RIGHT: LoadFeedOptions = {
  target: 'localhost:1',
  method: 'acme.md.MarketData/Subscribe',
  proto,
  mapping: { symbol: 'event.symbol', kind: 'event', time: 'event.at' },
}

describe('a feed of another schema', () => {
  it('is loaded alike from a file and by reflection', async () => {
    feed = new AcmeFeed()
    await feed.start()
    const request = { symbols: ['A'] }
    const read = await loadFeed({ ...RIGHT, request })
    const reflected = await loadFeed({ ...RIGHT, request, proto: undefined, target: feed.target })
    expect(read.method).toEqual({
      path: '/acme.md.MarketData/Subscribe',
      request: Buffer.from([0x0a, 1, 65]),
      form: 'tick',
    })
    expect(reflected.method).toEqual(read.method)
    expect(reflected.schema.mapping).toEqual(read.schema.mapping)
    expect(reflected.schema.message).toBe('acme.md.Update')
  })

  it('sends batches when ticks are in a repeated field', async () => {
    const mapping = { repeated: 'updates', symbol: 'event.symbol' }
    const { method, schema } = await loadFeed({
      ...RIGHT,
      method: 'acme.md.MarketData/SubscribeBatches',
      mapping,
    })
    expect(method).toEqual({
      path: '/acme.md.MarketData/SubscribeBatches',
      request: Buffer.alloc(0),
      form: 'batch',
    })
    expect(schema.message).toBe('acme.md.UpdateBatch')
  })
})

describe('options', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ target: 'a' }, 'target="a": must be host:port'],
    [{ method: 'Subscribe' }, 'method="Subscribe": must be the name of a method, such as'],
    [{ request: '{}' }, 'request="{}": must be an object'],
    [{ mapping: {} }, 'mapping=an object: must be an object of paths with at least a symbol'],
    [{ mapping: { symbol: 'a', tim: 'b' } }, 'mapping=an object: must be an object of paths'],
    [{ proto: 1 }, 'proto=1: must be the path of a file'],
    [{ porto: 'x' }, 'porto: unknown; did you mean proto?'],
  ])('are refused when they are %j', async (options, message) => {
    const loaded = loadFeed({ ...RIGHT, ...options } as LoadFeedOptions)
    await expect(loaded).rejects.toMatchObject({
      code: 'option_invalid',
      message: expect.stringContaining(message),
    })
  })
})

describe('a wrong description', () => {
  it('is told with every fault, under the names of the user', async () => {
    const wrong = { ...RIGHT, request: { symbol: 1 }, mapping: { symbol: 'tickr', time: 'time_ms' } }
    const names = (option: string) => `RINGCAST_${option.toUpperCase()}`
    await expect(loadFeed(wrong, names)).rejects.toMatchObject({
      code: 'schema_invalid',
      message: [
        'RINGCAST_REQUEST: must be JSON of acme.md.SubscribeRequest: acme.md.SubscribeRequest: unknown field: "symbol"',
        'RINGCAST_SYMBOL=tickr: acme.md.Update has no field tickr; did you mean ticker?',
        'RINGCAST_TIME=time_ms: time_ms of acme.md.Update is int64 and needs a unit: write time_ms:ns, :us, :ms or :s',
      ].join('\n'),
    })
  })

  it.each<[Partial<LoadFeedOptions>, string]>([
    [
      { method: 'acme.md.MarketData/Watch' },
      'method=acme.md.MarketData/Watch: acme.md.MarketData has no method Watch;',
    ],
    [{ proto: '/none' }, 'proto=/none: must be a file that can be read'],
  ])('%j is refused', async (options, message) => {
    const loaded = loadFeed({ ...RIGHT, ...options })
    await expect(loaded).rejects.toMatchObject({ code: 'schema_invalid' })
    await expect(loaded).rejects.toThrow(message)
  })

  it('is told from a feed that has no reflection, and from one that cannot be reached', async () => {
    feed = new AcmeFeed({ reflection: false })
    await feed.start()
    const options = { ...RIGHT, proto: undefined, target: feed.target }
    await expect(loadFeed(options)).rejects.toMatchObject({
      code: 'schema_invalid',
      message: `proto: the feed at ${feed.target} has no gRPC server reflection: give its .proto file or a descriptor set`,
    })
    await feed.stop()
    await expect(loadFeed(options)).rejects.toMatchObject({
      code: 'feed_unreachable',
      message: expect.stringContaining(`the feed at ${feed.target} does not tell its types: UNAVAILABLE: `),
    })
  })
})
