/**
 * A feed of the ACME schema on grpc-js, with or without reflection.
 */
import { Metadata, Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protobuf } from '../../src/common/protobufjs.js'
import { TestFolder } from './acme-proto.js'
import { Watched } from './watched.js'

export interface AcmeFeedOptions {
  /** Default: of v1 and v1alpha. */
  readonly reflection?: boolean | 'v1' | 'v1alpha'
  readonly credentials?: ServerCredentials
  /** Names of methods that the server has. Default: all that stream. */
  readonly methods?: readonly string[]
}

export interface AcmeCall {
  readonly method: string
  readonly request: { readonly symbols?: string[]; readonly from_sequence?: string; readonly venue?: string }
  readonly metadata: Metadata
  /** Sends a message of the method's type. */
  send(message: Readonly<Record<string, unknown>>): void
  end(): void
}

const METHODS = ['Subscribe', 'SubscribeBatches']

export class AcmeFeed extends Watched {
  readonly calls: AcmeCall[] = []
  private readonly options: AcmeFeedOptions
  private server: Server | undefined
  private port = 0

  constructor(options: AcmeFeedOptions = {}) {
    super()
    this.options = options
  }

  get target(): string {
    return `localhost:${this.port}`
  }

  /** Listens on a free port at first, on the same one after `stop`. */
  async start(): Promise<void> {
    const {
      credentials = ServerCredentials.createInsecure(),
      methods = METHODS,
      reflection = true,
    } = this.options
    const folder = new TestFolder()
    const path = folder.writeAcme()
    const types = new protobuf.Root()
    types.resolvePath = (_origin, target) => (target.startsWith('/') ? target : `${folder.path}/${target}`)
    types.loadSync(path, { keepCase: true })
    const definition = loadSync(path, { includeDirs: [folder.path], keepCase: true })
    folder.remove()
    const server = new Server()
    this.server = server
    for (const method of methods)
      this.addMethod(server, types.lookupService('acme.md.MarketData').methods[method]!)
    if (reflection !== false) {
      const service = new ReflectionService(definition)
      const { addService } = server
      // The package adds both versions. A server without one lacks its service.
      server.addService = (added, implementation) => {
        const [{ path } = { path: '' }] = Object.values(added)
        const isOther = typeof reflection === 'string' && !path.includes(`.${reflection}.`)
        if (!isOther) addService.call(server, added, implementation)
      }
      service.addToServer(server)
    }
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      )
    })
  }

  /** The call of this number, from 1; waits for it. */
  async call(number: number): Promise<AcmeCall> {
    await this.until(() => this.calls.length >= number)
    return this.calls[number - 1]!
  }

  async stop(): Promise<void> {
    this.server?.forceShutdown()
    this.server = undefined
  }

  private addMethod(server: Server, method: protobuf.Method): void {
    const { resolvedRequestType: requestType, resolvedResponseType: responseType } =
      method.resolve() as protobuf.Method
    const definition = {
      path: `/acme.md.MarketData/${method.name}`,
      requestStream: false,
      responseStream: true,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    }
    server.addService(
      { [method.name]: definition },
      {
        [method.name]: (call: ServerWritableStream<Buffer, Buffer>) => {
          const request = requestType!.toObject(requestType!.decode(call.request), {
            longs: String,
            enums: String,
          })
          call.sendMetadata(new Metadata())
          this.calls.push({
            method: method.name,
            request,
            metadata: call.metadata,
            send: message =>
              call.write(Buffer.from(responseType!.encode(responseType!.fromObject(message)).finish())),
            end: () => call.emit('error', { code: status.UNAVAILABLE, details: 'the feed goes away' }),
          })
          this.changed()
        },
      },
    )
  }
}
