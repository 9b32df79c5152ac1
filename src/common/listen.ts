/**
 * Opens a listening socket. Main thread. An error says which setting to change.
 */
import type { Server } from 'node:net'
import { RingcastError } from './errors.js'
import { variableOf } from './setting-names.js'

export interface ListenOptions {
  /** The purpose of the server, as in "cannot serve health checks". */
  readonly what: string
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The keys of the settings that `host` and `port` come from. */
  readonly hostKey: string
  readonly portKey: string
  /** Most connections that wait to be accepted. Default: that of Node. */
  readonly backlog?: number
  /** Receives the errors of the listening server: a connection could not be accepted. The server keeps listening. */
  readonly onError: (error: Error) => void
}

/** The system has no IPv6, or it is switched off. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])
const ALL = '::'
const ALL_OF_IPV4 = '0.0.0.0'

/**
 * On a system without IPv6, `::` stands for all addresses of IPv4.
 *
 * @returns the address, with the port that the system chose for 0
 * @throws RingcastError `listen_failed`
 */
export function listen(server: Server, options: ListenOptions): Promise<{ host: string; port: number }> {
  const { host, port } = options
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening)
      if (host === ALL && NO_IPV6.has(error.code ?? ''))
        resolve(listen(server, { ...options, host: ALL_OF_IPV4 }))
      else reject(listenFailed(error, options))
    }
    const onListening = () => {
      server.off('error', onError)
      server.on('error', options.onError)
      const address = server.address()
      resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port })
    }
    server.once('error', onError)
    server.once('listening', onListening)
    server.listen({ port, host, backlog: options.backlog })
  })
}

function listenFailed(cause: NodeJS.ErrnoException, options: ListenOptions): RingcastError {
  const { what, host, port } = options
  const hostName = variableOf(options.hostKey)
  const portName = variableOf(options.portKey)
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `another process has this port: choose another one with ${portName}`,
    EACCES: `this user may not open this port: choose one from 1024 on with ${portName}`,
    EADDRNOTAVAIL: `this machine has no such address: change ${hostName}`,
    ENOTFOUND: `this name has no address: change ${hostName}`,
    EAI_AGAIN: `this name has no address just now: change ${hostName}`,
  }
  const code = cause.code ?? cause.message
  return new RingcastError(
    'listen_failed',
    `cannot serve ${what} at ${host.includes(':') ? `[${host}]` : host}:${port}: ${advice[code] ?? `${code}: change ${hostName} or ${portName}`}`,
    { cause },
  )
}
