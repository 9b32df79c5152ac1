import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { readUpgradeRequest } from '../../src/clients/upgrade-request.js'

const LIMITS = { countMax: 3, bytesMax: 1000 }

function read(url: string, subprotocols?: string) {
  const headers = subprotocols === undefined ? {} : { 'sec-websocket-protocol': subprotocols }
  return readUpgradeRequest({ url, headers } as unknown as IncomingMessage, LIMITS)
}

describe('an upgrade request', () => {
  it.each([
    ['/ws/ticks', ['*'], true],
    ['/ws/ticks?', ['*'], true],
    ['/ws/ticks?symbols=*', ['*'], true],
    ['/ws/ticks?symbols=BTCUSDT', ['BTCUSDT'], true],
    ['/ws/ticks?symbols=B,A', ['A', 'B'], true],
    ['/ws/ticks?symbols=B,A,B', ['A', 'B'], true],
    ['/ws/ticks?symbols=B%2CA', ['A', 'B'], true],
    ['/ws/ticks?symbols=%E2%82%AC', ['€'], true],
    ['/ws/ticks?batch=false', ['*'], false],
    ['/ws/ticks?batch=true', ['*'], true],
    ['/ws/ticks?batch=false&symbols=A', ['A'], false],
    [`/ws/ticks?symbols=${'x'.repeat(64)}`, ['x'.repeat(64)], true],
    ['http://gateway:8080/ws/ticks?symbols=A', ['A'], true],
    ['HTTPS://gateway/ws/ticks', ['*'], true],
    ['/ws/ticks?%73ymbols=A&&batch=false', ['A'], false],
    ['/ws/ticks?symbols=A%20B,%2B', ['+', 'A B'], true],
    ['/ws/ticks?symbols=%EF%BB%BFA', ['\ufeffA'], true],
    ['/ws/ticks?symbols=%EF%BF%BD', ['\ufffd'], true],
  ])('%s means %j, batch %j', (url, symbols, batch) => {
    expect(read(url)).toMatchObject({ symbols, form: { batch, encoding: 'json' } })
  })

  it.each([
    '',
    '/',
    '/ws',
    '/ws/ticks/',
    '/ws/tick',
    '/ws/ticks2',
    '//ws/ticks',
    '/x/../ws/ticks',
    '/ws/./ticks',
    '/ws\\ticks',
    '/%77s/ticks',
    '/ws/ticks#',
    'ws/ticks',
    'http://gateway',
    'http://gateway\\ws\\ticks',
    'http:///ws/ticks',
    'ftp://gateway/ws/ticks',
    '*',
    'http://[',
  ])('is refused with 404 for the target %j', url => {
    expect(read(url)).toEqual({
      status: 404,
      code: 'unknown_path',
      message: 'there is nothing here: connect to /ws/ticks',
    })
  })

  it.each([
    ['symbol=A', 'unknown_parameter', 'unknown parameter "symbol": there are symbols, delivery,'],
    ['Batch=true', 'unknown_parameter', 'unknown parameter "Batch": there are symbols, delivery,'],
    [
      'symbols=A&symbols=B',
      'repeated_parameter',
      'symbols must be given once, with commas between several values',
    ],
    ['batch=true&batch=true', 'repeated_parameter', /^batch must be given once$/],
    ['delivery=latest&delivery=every', 'repeated_parameter', /^delivery must be given once$/],
    ['symbols=A,,B', 'bad_symbol', 'for instance symbols=BTCUSDT,ETHUSDT'],
    ['symbols=A,', 'bad_symbol', 'symbols must be names with one comma between them'],
    ['symbols=A,B,C,D', 'too_many_symbols', 'at most 3 symbols, and 1000 bytes of them together, at "D"'],
    [`symbols=${'x'.repeat(65)}`, 'bad_symbol', 'a symbol must have at most 64 bytes, at "xxx'],
    [`symbols=${'€'.repeat(22)}`, 'bad_symbol', 'a symbol must have at most 64 bytes'],
    ['symbols=%ED%A0%80', 'bad_symbol', 'symbols must be percent-encoded UTF-8, .* got "%ED%A0%80"'],
    ['symbols=A,%ff', 'bad_symbol', 'got "A,%ff"'],
    ['symbols=%E2%82', 'bad_symbol', 'percent-encoded'],
    ['symbols=100%', 'bad_symbol', 'got "100%"'],
    ['symbols=%zz', 'bad_symbol', 'got "%zz"'],
    ['symbols=A#B', 'bad_symbol', 'got "A#B"'],
    ['symbols=EUR+USD', 'bad_symbol', 'symbols must have %2B for a plus and %20 for a space'],
    ['symbols=A,+B', 'bad_symbol', '%2B for a plus'],
    ['symbols=A,%20B', 'bad_symbol', 'no space beside a comma, got " B"'],
    ['symbols=A%20', 'bad_symbol', 'no space beside a comma, got "A "'],
    ['%ff=1', 'unknown_parameter', 'unknown parameter "%ff"'],
    ['batch=%E2%80%AEeurt', 'bad_batch', String.raw`got "\\u202eeurt"`],
    ['batch=yes', 'bad_batch', 'batch must be true or false, got "yes"'],
    ['batch=', 'bad_batch', 'batch must be true or false, got ""'],
    ['batch=TRUE', 'bad_batch', 'batch must be true or false, got "TRUE"'],
  ])('?%s is refused with %s', (query, code, message) => {
    expect(read(`/ws/ticks?${query}`)).toEqual({
      status: 400,
      code,
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ['', { intervalMs: null, snapshot: false }],
    ['delivery=every&snapshot=true', { intervalMs: null, snapshot: true }],
    ['delivery=latest', { intervalMs: 0, snapshot: true }],
    ['delivery=latest&interval=250&snapshot=false', { intervalMs: 250, snapshot: false }],
    ['interval=60000&delivery=latest', { intervalMs: 60_000, snapshot: true }],
  ])('?%s means the delivery %j', (query, delivery) => {
    expect(read(`/ws/ticks?${query}`)).toMatchObject({ delivery })
  })

  it.each([
    ['delivery=fast', 'unknown_delivery', 'delivery must be "every" or "latest", got "fast"'],
    ['interval=250', 'bad_interval', 'interval needs delivery "latest"'],
    ['delivery=latest&interval=60001', 'bad_interval', 'from 0 to 60000, got 60001'],
    ['delivery=latest&interval=1.5', 'bad_interval', 'got "1.5"'],
    ['delivery=latest&interval=-1', 'bad_interval', 'got "-1"'],
    ['delivery=latest&interval=', 'bad_interval', 'got ""'],
    ['snapshot=1', 'bad_snapshot', 'snapshot must be true or false, got "1"'],
    ['stamps=yes', 'bad_stamps', 'stamps must be true or false, got "yes"'],
    ['maxAgeMs=0', 'bad_max_age_ms', 'maxAgeMs must be a whole number from 1 to 9007199254740991, got 0'],
    ['maxAgeMs=99999999999999999999', 'bad_max_age_ms', 'from 1 to 9007199254740991, got 1000'],
    ['heartbeat=999', 'bad_heartbeat', 'heartbeat must be a whole number of ms from 1000 to 60000, got 999'],
    ['heartbeat=60001', 'bad_heartbeat', 'got 60001'],
    ['heartbeat=soon', 'bad_heartbeat', 'got "soon"'],
    [
      'maxLagBytes=many',
      'bad_max_lag_bytes',
      'maxLagBytes must be a whole number from 1 to 9007199254740991, got "many"',
    ],
  ])('?%s is refused with %s: %s', (query, code, message) => {
    expect(read(`/ws/ticks?${query}`)).toEqual({
      status: 400,
      code,
      message: expect.stringContaining(message),
    })
  })

  it('has lag limits only when the URL gives them', () => {
    const none = { ageMsMax: Number.POSITIVE_INFINITY, lagBytesMax: Number.POSITIVE_INFINITY }
    expect(read('/ws/ticks')).toMatchObject({ limits: none, form: { stamps: false } })
    expect(read('/ws/ticks?maxAgeMs=500&maxLagBytes=1000&stamps=true')).toMatchObject({
      limits: { ageMsMax: 500, lagBytesMax: 1000 },
      form: { stamps: true },
    })
  })

  it('has no compression where the URL says so', () => {
    expect(read('/ws/ticks')).toMatchObject({ compression: true })
    expect(read('/ws/ticks?compression=false')).toMatchObject({ compression: false })
    expect(read('/ws/ticks?compression=no')).toMatchObject({ status: 400, code: 'bad_compression' })
  })

  it('has heartbeats only when the URL asks for them', () => {
    expect(read('/ws/ticks')).toMatchObject({ form: { heartbeatMs: 0 } })
    expect(read('/ws/ticks?heartbeat=5000')).toMatchObject({ form: { heartbeatMs: 5000 } })
  })

  it('names each symbol once', () => {
    expect(read('/ws/ticks?symbols=A,A,A,A')).toMatchObject({ symbols: ['A'] })
  })

  it.each([
    ['ringcast.v1.json', 'json'],
    ['other, ringcast.v1.json', 'json'],
    ['other,ringcast.v1.json , more', 'json'],
    ['ringcast.v1.protobuf', 'protobuf'],
    ['ringcast.v1.protobuf,ringcast.v1.json', 'protobuf'],
    ['toString, ringcast.v1.json, ringcast.v1.protobuf', 'json'],
  ])('gets the first subprotocol of %j that the gateway knows', (subprotocols, encoding) => {
    expect(read('/ws/ticks', subprotocols)).toMatchObject({ form: { encoding } })
  })

  it.each(['graphql-ws', 'RINGCAST.V1.JSON', 'ringcast.v1.jsonx', ''])(
    'is refused when it offers only subprotocols that the gateway does not know: %j',
    subprotocols => {
      expect(read('/ws/ticks', subprotocols)).toEqual({
        status: 400,
        code: 'unknown_subprotocol',
        message: `offer the subprotocol ringcast.v1.json or ringcast.v1.protobuf, or none; got ${JSON.stringify(subprotocols)}`,
      })
    },
  )
})
