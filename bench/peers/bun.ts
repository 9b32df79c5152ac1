/**
 * Bun, another runtime, whose server has topics. The ticks of a turn share a message, with one `publish` for each
 * topic.
 * Arguments: the feed's address, `--deflate` to compress, `--per-tick` for a message and a `publish` for each tick.
 * Runs in Bun, not in Node.
 */
import { TickTopics, tellPort } from './tick-topics.js'

interface BunSocket {
  readonly data: { readonly url: string; topics: readonly string[] }
  subscribe(topic: string): void
}

interface BunServer {
  readonly port: number
  upgrade(request: Request, options: { readonly data: BunSocket['data'] }): boolean
  publish(topic: string, message: string, compress: boolean): number
}

interface BunOptions {
  readonly port: number
  readonly hostname: string
  fetch(request: Request, server: BunServer): Response | undefined
  readonly websocket: {
    readonly idleTimeout: number
    readonly backpressureLimit: number
    readonly perMessageDeflate: boolean
    open(socket: BunSocket): void
    message(): void
    close(socket: BunSocket): void
  }
}

declare const Bun: { serve(options: BunOptions): BunServer }

/** Beyond this, messages are dropped. A slow client of Ringcast has as much in the ring. */
const BACKPRESSURE_BYTES_MAX = 64 * 1024 * 1024
const IDLE_TIMEOUT_S = 960

const deflates = process.argv.includes('--deflate')
const topics = new TickTopics({
  upstream: process.argv[2]!,
  perTick: process.argv.includes('--per-tick'),
  publish: (topic, message) => server.publish(topic, JSON.stringify(message), deflates),
})
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request, its) {
    const { pathname, search } = new URL(request.url)
    if (its.upgrade(request, { data: { url: pathname + search, topics: [] } })) return undefined
    return new Response('WebSockets only', { status: 426 })
  },
  websocket: {
    idleTimeout: IDLE_TIMEOUT_S,
    backpressureLimit: BACKPRESSURE_BYTES_MAX,
    perMessageDeflate: deflates,
    open(socket) {
      socket.data.topics = topics.join(socket.data.url)
      for (const topic of socket.data.topics) socket.subscribe(topic)
    },
    message() {},
    close: socket => topics.leave(socket.data.topics),
  },
})
tellPort(server.port)
