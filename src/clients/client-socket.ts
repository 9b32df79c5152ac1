/**
 * The listeners of one client's WebSocket. Main thread.
 * Each listener runs in the guard of `GuardedWebSocket`: an error in one ends this client only.
 */
import { CLOSE_CODES } from '../protocol/close-codes.js'
import type { Client } from './client.js'
import type { ClientRegistry } from './client-registry.js'
import type { CommandHandler } from './command-handler.js'
import type { RawData } from './guarded-web-socket.js'
import type { Verdict } from './message-quota.js'

export interface ClientSocketDeps {
  readonly registry: ClientRegistry
  readonly commands: CommandHandler
}

export function listenToClient(client: Client, deps: ClientSocketDeps): void {
  const { recipient, socket } = client
  const { registry } = deps
  socket.onFault = error => registry.failed(client, error)
  socket.on('message', (data, isBinary) => onMessage(client, deps, data, isBinary))
  socket.on('ping', data => onPing(client, deps, data))
  socket.on('pong', () => onPong(client, deps))
  socket.on('error', () => registry.protocolBroken(client))
  socket.on('close', () => registry.remove(client))
  // A client that closes the connection raises no event of its own: the library ends the gateway's side.
  recipient.socket.once('finish', () => registry.heartbeat.closing(client))
}

function onMessage(client: Client, deps: ClientSocketDeps, data: RawData, isBinary: boolean): void {
  const verdict = judge(client, deps)
  const { commands } = deps
  if (verdict === 'accept') commands.handle(client, data, isBinary)
  else if (verdict === 'refuse') commands.refuse(client, data, isBinary)
}

function onPing(client: Client, deps: ClientSocketDeps, data: Buffer): void {
  const verdict = judge(client, deps)
  if (verdict === 'accept') client.pong(data)
  else if (verdict === 'refuse') deps.commands.refusePing(client)
}

function onPong(client: Client, deps: ClientSocketDeps): void {
  // A pong without a ping of the gateway counts as a message; it gets no reply.
  if (!deps.registry.heartbeat.ponged(client)) judge(client, deps)
}

/** Counts a message before its content is looked at. Closes a client that sends far too many or does not read its replies. */
function judge(client: Client, { registry }: ClientSocketDeps): Verdict | 'ignore' {
  if (client.state !== 'open') return 'ignore'
  registry.heartbeat.heard(client)
  const verdict = client.readsReplies ? client.quota.judge() : 'close'
  if (verdict === 'close') registry.closeUnread(client, CLOSE_CODES.tooManyRequests, 'disconnectProtocol')
  return verdict
}
