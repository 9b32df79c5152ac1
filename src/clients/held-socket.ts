/**
 * Watches the socket of a request that waits for its reply. Main thread.
 * Node's HTTP server listens to it no more, and the client may go before the reply comes.
 */
import type { Duplex } from 'node:stream'

/**
 * @param gone called when the connection ends meanwhile
 * @returns call it when the wait is over: it ends the watch
 */
export function holdSocket(socket: Duplex, gone: () => void): () => void {
  const destroy = (): void => {
    socket.destroy()
  }
  socket.once('close', gone)
  socket.once('error', destroy)
  return () => {
    socket.off('close', gone)
    socket.off('error', destroy)
  }
}
