/**
 * uWebSockets.js: a WebSocket server in C++ with topics. The ticks of a turn share a message, with one `publish` for
 * each topic.
 * Arguments: the feed's address, `--deflate` to compress, `--per-tick` for a message and a `publish` for each tick.
 */
import { peerPackage } from './peer-package.js'
import { TickTopics, tellPort } from './tick-topics.js'

interface UserData {
  readonly url: string
  topics: readonly string[]
}

interface UwsSocket {
  getUserData(): UserData
  subscribe(topic: string): void
}

interface UwsResponse {
  upgrade(data: UserData, key: string, protocol: string, extensions: string, context: unknown): void
}

interface UwsRequest {
  getHeader(name: string): string
  getUrl(): string
  getQuery(): string
}

interface UwsBehavior {
  readonly compression: number
  readonly idleTimeout: number
  readonly maxBackpressure: number
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void
  open(socket: UwsSocket): void
  close(socket: UwsSocket): void
}

interface Uws {
  readonly SHARED_COMPRESSOR: number
  readonly DISABLED: number
  us_socket_local_port(listening: unknown): number
  App(): UwsApp
}

interface UwsApp {
  ws(pattern: string, behavior: UwsBehavior): UwsApp
  listen(host: string, port: number, listening: (socket: unknown) => void): UwsApp
  publish(topic: string, message: string, isBinary: boolean, compress: boolean): boolean
}

/** Beyond this, messages are dropped. A slow client of Ringcast has as much in the ring. */
const BACKPRESSURE_BYTES_MAX = 64 * 1024 * 1024
const IDLE_TIMEOUT_S = 960

const uws = peerPackage<Uws>('uwebsockets')
const deflates = process.argv.includes('--deflate')
const app = uws.App()
const topics = new TickTopics({
  upstream: process.argv[2]!,
  perTick: process.argv.includes('--per-tick'),
  publish: (topic, message) => app.publish(topic, JSON.stringify(message), false, deflates),
})

app.ws('/*', {
  compression: deflates ? uws.SHARED_COMPRESSOR : uws.DISABLED,
  idleTimeout: IDLE_TIMEOUT_S,
  maxBackpressure: BACKPRESSURE_BYTES_MAX,
  upgrade(response, request, context) {
    const url = `${request.getUrl()}?${request.getQuery() ?? ''}`
    const header = (name: string): string => request.getHeader(`sec-websocket-${name}`)
    response.upgrade({ url, topics: [] }, header('key'), header('protocol'), header('extensions'), context)
  },
  open(socket) {
    const data = socket.getUserData()
    data.topics = topics.join(data.url)
    for (const topic of data.topics) socket.subscribe(topic)
  },
  close: socket => topics.leave(socket.getUserData().topics),
})
app.listen('127.0.0.1', 0, listening => tellPort(uws.us_socket_local_port(listening)))
