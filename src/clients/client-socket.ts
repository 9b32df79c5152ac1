/**
 * The listeners of one client's WebSocket. Main thread.
 * Each listener runs in the guard of `GuardedWebSocket`: an error in one ends this client only.
 */
import type { Client } from './client.js'
import type { ClientRegistry } from './client-registry.js'
import type { Message, MessageIntake } from './message-intake.js'

/**
 * @param openIntake called with the first message: most clients send none
 * @param closed called when the connection is gone
 */
export function listenToClient(
  client: Client,
  openIntake: () => MessageIntake,
  closed: () => void,
  registry: ClientRegistry,
): void {
  const { recipient, socket } = client
  let intake: MessageIntake | undefined
  const take = (message: Message): void => {
    intake ??= openIntake()
    intake.take(message)
  }
  socket.controlInflation(inflation => {
    intake ??= openIntake()
    intake.inflate(inflation)
  })
  socket.onFault = error => registry.failed(client, error)
  socket.on('message', (data: Buffer, isBinary) => {
    registry.heartbeat.heard(client)
    take({ kind: 'command', data, isBinary })
  })
  socket.on('ping', data => {
    registry.heartbeat.heard(client)
    take({ kind: 'ping', data })
  })
  socket.on('pong', data => {
    // A pong without a ping of the gateway counts as a message.
    if (!registry.heartbeat.ponged(client)) take({ kind: 'pong', data })
  })
  socket.on('error', () => registry.protocolBroken(client))
  socket.on('close', () => registry.remove(client))
  // A client that closes the connection raises no event of its own: the library ends the gateway's side.
  recipient.socket.once('finish', () => registry.heartbeat.closing(client))
  // The library raises `close` when it has handled what it read. Nothing may wait for a budget then.
  recipient.socket.once('close', () => {
    intake?.stop()
    closed()
  })
}
