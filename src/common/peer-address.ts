/**
 * The address of the peer of a connection: as the system knows it, or as a proxy has told it. Main thread.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionUnder } from './socket-handle.js'

const told = new WeakMap<Socket, string>()

/** From now on this is the peer. */
export function tellPeer(socket: Socket, address: string): void {
  told.set(socket, address)
}

/** @returns undefined: the connection has no address, such as that of a Unix socket */
export function peerAddressOf(stream: Duplex): string | undefined {
  const connection = connectionUnder(stream)
  return told.get(connection) ?? connection.remoteAddress
}
