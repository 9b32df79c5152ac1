/** TCP connections that speak bytes. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** An open connection to a port of this machine. Whoever dials destroys it. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // The other side may cut it off instead of ending it.
  socket.on('error', () => {})
  return socket
}

/** Resolves at the end of a connection, in order or not. */
export async function untilClosed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>(resolve => socket.once('close', () => resolve()))
}

/** All that comes until the end of the connection. */
export async function untilEnd(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await untilClosed(socket)
  return text
}
