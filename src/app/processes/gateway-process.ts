/**
 * A gateway in a process of its own, as the first process sees it. Main thread.
 * Node's `cluster` starts it, listens on the shared port, and gives each new connection to one of the processes.
 */
import type { ChildProcess } from 'node:child_process'
import cluster from 'node:cluster'
import type { FromGateway, ToGateway } from './group-messages.js'

export interface GatewayProcessEvents {
  readonly message: (message: FromGateway) => void
  /** The process has ended; called once, and last. `error`: the system could not start it. */
  readonly exit: (code: number | null, signal: string | null, error?: Error) => void
}

export interface GatewayProcess {
  readonly pid: number | undefined
  /** Lost when the process has ended. */
  send(message: ToGateway): void
}

/** Starts a process with the command line and the environment of this one. */
export function startGatewayProcess(events: GatewayProcessEvents): GatewayProcess {
  const worker = cluster.fork()
  const connections = new HandedConnections(worker.process)
  worker.on('message', (message: FromGateway) => events.message(message))
  worker.on('error', (error: Error) => {
    // A process that was never there has no exit. Otherwise it is an error of the channel: the process has ended while
    // it was written to, and its exit says the rest.
    if (worker.process.pid === undefined) events.exit(null, null, error)
  })
  worker.once('exit', (code: number | null, signal: string | null) => {
    // What the process has sent before its end may be read after it.
    worker.removeAllListeners('message')
    connections.close()
    events.exit(code, signal)
  })
  return {
    pid: worker.process.pid,
    send(message) {
      if (worker.isConnected()) worker.send(message, () => {})
    },
  }
}

/** A connection of the shared port, as Node's `cluster` sends it. A second `close` does nothing. */
interface ConnectionHandle {
  close(): void
}

/**
 * The connections that are handed to a process. `cluster` hands over one at a time, and closes its own copy when the
 * process has accepted it. When the process dies before that, `cluster` forgets the connection and leaves it open, so
 * the client would wait for ever. `close` ends it, and the client comes back.
 */
class HandedConnections {
  private last: ConnectionHandle | undefined
  private hasEnded = false

  constructor(process: ChildProcess) {
    const send = process.send.bind(process) as (...args: unknown[]) => boolean
    process.send = (message: unknown, handle?: unknown, ...rest: unknown[]): boolean => {
      if (isConnection(handle)) {
        this.last = handle
        if (this.hasEnded) this.close()
      }
      return send(message, handle, ...rest)
    }
  }

  /** The process has ended. */
  close(): void {
    this.hasEnded = true
    this.last?.close()
  }
}

function isConnection(handle: unknown): handle is ConnectionHandle {
  return typeof handle === 'object' && handle !== null && 'close' in handle
}
