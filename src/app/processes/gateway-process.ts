/**
 * A gateway in a process of its own, as the first process sees it. Main thread.
 * Node's `cluster` starts it, listens on the shared port, and gives each new connection to one of the processes.
 */
import cluster from 'node:cluster'
import type { FromGateway, ToGateway } from './group-messages.js'

export interface GatewayProcessEvents {
  readonly message: (message: FromGateway) => void
  /** The process has ended; called once. */
  readonly exit: (code: number | null, signal: string | null) => void
}

export interface GatewayProcess {
  readonly pid: number | undefined
  /** Lost when the process has ended. */
  send(message: ToGateway): void
}

/** Starts a process with the command line and the environment of this one. */
export function startGatewayProcess(events: GatewayProcessEvents): GatewayProcess {
  const worker = cluster.fork()
  worker.on('message', (message: FromGateway) => events.message(message))
  // Of the channel: a process that ends while it is written to. Its exit says the rest.
  worker.on('error', () => {})
  worker.once('exit', (code: number | null, signal: string | null) => events.exit(code, signal))
  return {
    pid: worker.process.pid,
    send(message) {
      if (worker.isConnected()) worker.send(message, () => {})
    },
  }
}
