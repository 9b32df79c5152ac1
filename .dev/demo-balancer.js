/** Gives each connection to the next gateway that listens. */
import { connect, createServer } from 'node:net'

export class DemoBalancer {
  server
  gateways
  sockets = new Set()
  /** The name of the gateway, by the port of the client. */
  names = new Map()
  turn = 0

  /** @param gateways each with `name` and `port` */
  constructor(port, gateways) {
    this.gateways = gateways
    this.server = createServer({ pauseOnConnect: true }, client => {
      client.on('error', () => {})
      this.give(client, gateways.length)
    })
    this.server.listen(port, '127.0.0.1')
  }

  /** Which gateway serves the client with this port. */
  gatewayOf(clientPort) {
    return this.names.get(clientPort)
  }

  stop() {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  give(client, triesLeft) {
    if (triesLeft === 0) {
      client.destroy()
      return
    }
    const gateway = this.gateways[this.turn++ % this.gateways.length]
    const server = connect(gateway.port, '127.0.0.1')
    const onRefused = () => this.give(client, triesLeft - 1)
    server.once('error', onRefused)
    server.once('connect', () => {
      server.off('error', onRefused)
      server.on('error', () => {})
      this.names.set(client.remotePort, gateway.name)
      this.join(client, server)
    })
  }

  join(client, server) {
    const { remotePort } = client
    for (const [one, other] of [
      [client, server],
      [server, client],
    ]) {
      this.sockets.add(one)
      one.pipe(other)
      one.once('close', () => {
        this.sockets.delete(one)
        this.names.delete(remotePort)
        other.destroy()
      })
    }
  }
}
