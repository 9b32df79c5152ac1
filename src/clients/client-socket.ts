/**
 * The listeners of one client's WebSocket. Main thread.
 * Each listener runs in the guard of `GuardedWebSocket`: an error in one ends this client only.
 */
import type { Client } from './client.js'
import type { ClientRegistry } from './client-registry.js'
import type { MessageIntake } from './message-intake.js'

/** One for all clients, so that a client that is idle takes little memory. */
export interface ClientSocketDeps {
  readonly registry: ClientRegistry
  /** Called with the first message of a client: most clients send none. */
  readonly openIntake: (client: Client) => MessageIntake
  /** Called when the connection is gone. */
  readonly closed: (client: Client) => void
}

export function listenToClient(client: Client, deps: ClientSocketDeps): void {
  const { recipient, socket } = client
  const { registry } = deps
  let intake: MessageIntake | undefined
  socket.controlInflation(inflation => {
    intake ??= deps.openIntake(client)
    intake.inflate(inflation)
  })
  socket.onFault = error => registry.failed(client, error)
  socket.on('message', (data: Buffer, isBinary) => {
    registry.heartbeat.heard(client)
    intake ??= deps.openIntake(client)
    intake.take({ kind: 'command', data, isBinary })
  })
  socket.on('ping', data => {
    registry.heartbeat.heard(client)
    intake ??= deps.openIntake(client)
    intake.take({ kind: 'ping', data })
  })
  socket.on('pong', data => {
    if (registry.heartbeat.ponged(client)) return
    // A pong without a ping of the gateway counts as a message.
    intake ??= deps.openIntake(client)
    intake.take({ kind: 'pong', data })
  })
  socket.on('error', () => registry.protocolBroken(client))
  socket.on('close', code => registry.remove(client, code))
  // A client that closes the connection raises no event of its own: the library ends the gateway's side.
  // Both events come once. `once` would keep four more objects for each listener.
  recipient.socket.on('finish', () => registry.heartbeat.closing(client))
  // The library raises `close` when it has handled what it read. Nothing may wait for a budget then.
  recipient.socket.on('close', () => {
    intake?.stop()
    deps.closed(client)
  })
}
