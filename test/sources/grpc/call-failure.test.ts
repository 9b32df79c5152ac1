import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { callFailure } from '../../../src/sources/grpc/call-failure.js'
import { GrpcSource, type GrpcSourceOptions } from '../../../src/sources/grpc/grpc-source.js'
import { RecordingSink } from '../../support/recording-sink.js'

let server: Server | undefined

afterEach(() => {
  server?.close()
  server = undefined
})

it('cuts a long reason, in a short time', () => {
  expect(callFailure(`${' '.repeat(1_000_000)}x`, false)).toBe('')
  expect(callFailure('A'.repeat(1_000_000), true)).toBe('A'.repeat(500))
})

it('says why a connection broke, without what that did to its stream', () => {
  const text =
    'Received RST_STREAM with code 2 triggered by internal client error: Session closed with error code 2'
  expect(callFailure(text, false)).toBe('Session closed with error code 2')
})

/** The warning that a source logs for a feed that it cannot read. */
async function warning(options: GrpcSourceOptions): Promise<string> {
  const { promise, resolve } = withResolvers()
  const source = new GrpcSource({ ...options, log: { info: () => {}, warn: resolve } })
  source.start(new RecordingSink())
  const text = await promise
  expect(text.endsWith(source.status().lastError!)).toBe(true)
  await source.stop()
  return text.replace(options.target, 'the target')
}

function withResolvers(): { promise: Promise<string>; resolve: (text: string) => void } {
  let resolve = (_: string): void => {}
  const promise = new Promise<string>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

async function listening(started: Server): Promise<string> {
  server = started
  await new Promise<void>(resolve => started.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(started.address() as AddressInfo).port}`
}

const HEAD =
  'no feed at the target, trying until there is one: UNAVAILABLE: No connection established. Last error: '

it('asks whether the feed speaks TLS when it replies without TLS', async () => {
  const target = await listening(createHttp2Server())
  expect(await warning({ target, tls: {} })).toBe(`${HEAD}wrong version number: does the feed speak TLS?`)
})

it('asks whether the feed wants TLS when it ends a connection without TLS', async () => {
  const target = await listening(createServer(socket => socket.end()))
  expect(await warning({ target })).toBe(`${HEAD}Failed to connect: does the feed want TLS?`)
})

it('asks nothing when no process listens', async () => {
  const target = await listening(createServer())
  await new Promise(resolve => server!.close(resolve))
  for (const tls of [false, {}] as const)
    expect(await warning({ target, tls })).toMatch(/ECONNREFUSED [\d.:[\]]+$/)
})

it.each([
  ['self-signed certificate', 'Last error: Error: self-signed certificate. Resolution note: '],
  [
    'a note that says something. Resolution note: stale',
    'a note that says something. Resolution note: stale',
  ],
  ['two lines', 'two\nlines\n'],
])('keeps %j', (told, details) => {
  expect(callFailure(details, true).replace('Last error: Error: ', '')).toBe(told)
})
