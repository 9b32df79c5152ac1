import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { reflectedTypes } from '../../../src/sources/grpc/reflected-types.js'
import { ReflectionFailure } from '../../../src/sources/grpc/reflection-stream.js'
import { findMethod, servicesOf } from '../../../src/sources/schema/feed-method.js'
import { nameOf } from '../../../src/sources/schema/type-names.js'
import { AcmeFeed, type AcmeFeedOptions } from '../../support/acme-feed.js'

let stopAll: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const stop of stopAll) await stop()
  stopAll = []
})

async function acme(options: AcmeFeedOptions = {}): Promise<AcmeFeed> {
  const feed = new AcmeFeed(options)
  await feed.start()
  stopAll.push(() => feed.stop())
  return feed
}

function target(address: string) {
  return {
    target: address,
    tls: false,
    windowBytes: 1 << 20,
    keepaliveMs: 0,
    metadata: {},
    proxy: false,
  } as const
}

describe('reflection', () => {
  it.each(['v1', 'v1alpha'] as const)('of %s tells a service and all that it needs', async version => {
    const feed = await acme({ reflection: version })
    const types = await reflectedTypes(target(feed.target), 'acme.md.MarketData')
    expect(servicesOf(types).map(nameOf)).toContain('acme.md.MarketData')
    const { fields } = types.lookupType('acme.md.Update')
    expect(fields.header!.resolvedType!.fullName).toBe('.acme.common.Header')
    expect(fields.received!.resolvedType!.fullName).toBe('.google.protobuf.Timestamp')
    expect(fields.time_ms).toBeDefined()
  })

  it('tells all services, without those of gRPC itself', async () => {
    const types = await reflectedTypes(target((await acme()).target))
    expect(servicesOf(types).map(nameOf)).toEqual(['acme.md.MarketData', 'acme.md.Reference'])
  })

  it('names the services that there are when there is no such one', async () => {
    const { target: address } = await acme()
    const types = await reflectedTypes(target(address), 'acme.md.MarketDat')
    expect(findMethod(types, 'acme.md.MarketDat/Subscribe')).toBe(
      'there is no service acme.md.MarketDat; did you mean acme.md.MarketData?',
    )
  })

  it('asks for a .proto file where there is none', async () => {
    const { target: address } = await acme({ reflection: false })
    await expect(reflectedTypes(target(address))).rejects.toMatchObject({
      code: 'schema_invalid',
      message: `the feed at ${address} has no gRPC server reflection: give its .proto file or a descriptor set`,
    })
  })

  it('does not begin after the abort', async () => {
    const { target: address } = await acme()
    await expect(reflectedTypes(target(address), undefined, AbortSignal.abort())).rejects.toBeInstanceOf(
      ReflectionFailure,
    )
  })

  it('fails when nobody listens', async () => {
    const feed = await acme()
    await feed.stop()
    const failure = reflectedTypes(target(feed.target))
    await expect(failure).rejects.toBeInstanceOf(ReflectionFailure)
    await expect(failure).rejects.toThrow('UNAVAILABLE')
  })
})

/** A reflection service that does what a good one does not. */
async function strangeServer(
  answer: (call: ServerDuplexStream<Buffer, Buffer>, question: number) => void,
): Promise<{ target: string; ended: Promise<void> }> {
  const bytes = (value: Buffer) => value
  const server = new Server()
  let onEnded = () => {}
  const ended = new Promise<void>(resolve => {
    onEnded = resolve
  })
  server.addService(
    {
      info: {
        path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
        requestStream: true,
        responseStream: true,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    {
      info: (call: ServerDuplexStream<Buffer, Buffer>) => {
        let questions = 0
        call.on('cancelled', onEnded)
        call.on('data', () => answer(call, ++questions))
      },
    },
  )
  stopAll.push(() => server.forceShutdown())
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { target: `127.0.0.1:${port}`, ended }
}

/** A length-delimited field. */
const field = (number: number, content: Buffer | string) => {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}
const services = field(6, field(1, field(1, 'a.B')))

describe('a strange reflection', () => {
  it('that tells something else than a file is refused', async () => {
    const noFile = field(4, field(1, Buffer.from([0xff, 0xff])))
    const { target: address } = await strangeServer((call, question) =>
      call.write(question === 1 ? services : noFile),
    )
    await expect(reflectedTypes(target(address))).rejects.toMatchObject({
      code: 'schema_invalid',
      message: expect.stringMatching(
        /^the reflection of the feed tells types that cannot be read: .*\.proto file/,
      ),
    })
  })

  it.each([['a.B', 'a.B'], ['']])(
    'whose services have no names of their own is refused',
    async (...names) => {
      const list = field(6, Buffer.concat(names.map(name => field(1, field(1, name)))))
      const { target: address } = await strangeServer(call => call.write(list))
      const types = reflectedTypes(target(address), 'c.D')
      await expect(types).rejects.toMatchObject({ code: 'schema_invalid' })
    },
  )

  it('that does not know its own service is refused with its reason', async () => {
    const error = field(7, Buffer.concat([Buffer.from([0x08, 5]), field(2, 'symbol not found')]))
    const { target: address } = await strangeServer((call, question) =>
      call.write(question === 1 ? services : error),
    )
    await expect(reflectedTypes(target(address))).rejects.toMatchObject({
      code: 'schema_invalid',
      message:
        'the reflection of the feed does not tell a.B: symbol not found; give its .proto file or a descriptor set',
    })
  })

  it('that lacks an import, or tells another file for it, is refused', async () => {
    const file = field(4, field(1, Buffer.concat([field(1, 'b.proto'), field(2, 'a'), field(3, 'c.proto')])))
    const { target: address } = await strangeServer((call, question) =>
      call.write(question === 1 ? services : file),
    )
    await expect(reflectedTypes(target(address))).rejects.toThrow(
      'the reflection of the feed tells another file than c.proto',
    )
  })

  it.each([
    [
      'ends the call',
      (call: ServerDuplexStream<Buffer, Buffer>) => call.end(),
      'ended the call for its types',
    ],
    [
      'refuses the metadata',
      (call: ServerDuplexStream<Buffer, Buffer>) =>
        call.emit('error', { code: status.UNAUTHENTICATED, details: 'no token' }),
      'UNAUTHENTICATED: no token',
    ],
    [
      'sends what is no message',
      (call: ServerDuplexStream<Buffer, Buffer>) => call.write(Buffer.from([0xff])),
      'INTERNAL: ',
    ],
  ])('that %s fails', async (_name, answer, reason) => {
    const { target: address } = await strangeServer(answer)
    const failure = reflectedTypes(target(address))
    await expect(failure).rejects.toBeInstanceOf(ReflectionFailure)
    await expect(failure).rejects.toThrow(reason)
  })

  it('that says nothing is given up when the signal says so', async () => {
    const abort = new AbortController()
    const { target: address, ended } = await strangeServer(() => abort.abort())
    await expect(reflectedTypes(target(address), undefined, abort.signal)).rejects.toThrow(
      'the call was ended',
    )
    await ended
  })
})
