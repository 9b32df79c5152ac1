/**
 * Takes the PROXY protocol from the start of each connection, before TLS and HTTP. Main thread.
 * Always: a connection is served only behind the header of a trusted proxy. Any other is ended: nobody else is to reach this port.
 */
import type { Server, Socket } from 'node:net'
import type { Clock } from '../common/clock.js'
import { tellPeer } from '../common/peer-address.js'
import { readProxyHeader } from './proxy-header.js'
import { TrustedProxies } from './trusted-proxies.js'

export interface ProxiedConnectionsOptions {
  /** See `TrustedProxies`. */
  readonly proxies: readonly string[]
  /** The header must come in this time. */
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'after'>
  /** Bounds the connection, which may be ended by that. */
  readonly enter: (socket: Socket) => void
  /** A connection was ended because it has no header. */
  readonly refused: () => void
}

/** Puts itself before what the server does with its connections so far. Call it before the server listens. */
export function expectProxyHeaders(server: Server, options: ProxiedConnectionsOptions): void {
  const proxies = new TrustedProxies(options.proxies, 'x-forwarded-for')
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    options.enter(socket)
    if (socket.destroyed) return
    if (proxies.trusts(socket.remoteAddress))
      readHeader(socket, options, () => {
        for (const each of serve) each.call(server, socket)
      })
    else refuse(socket, options)
  })
}

function readHeader(socket: Socket, options: ProxiedConnectionsOptions, serve: () => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  const timer = options.clock.after(options.timeoutMs, () => refuse(socket, options))
  const stop = (): void => {
    timer.cancel()
    socket.off('readable', read)
    socket.off('close', stop)
  }
  const read = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const header = readProxyHeader(bytes)
    if (header === 'more') return
    stop()
    if (header === 'none') {
      refuse(socket, options)
      return
    }
    if (header.address !== undefined) tellPeer(socket, header.address)
    if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length))
    socket.off('error', ignore)
    serve()
  }
  socket.on('readable', read)
  socket.on('close', stop)
  // A connection that breaks is closed, and nothing else is to be done.
  socket.on('error', ignore)
}

function ignore(): void {}

function refuse(socket: Socket, { refused }: ProxiedConnectionsOptions): void {
  socket.destroy()
  refused()
}
