/**
 * A StreamHandler behind a real HTTP server on a free port of the loopback, for tests.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HandlerOptions } from '../../src/config.js'
import { StreamHandler, type StreamHandlerParts } from '../../src/stream-handler.js'

export class HandlerServer {
  readonly handler: StreamHandler
  readonly port: number
  private readonly server: Server

  private constructor(handler: StreamHandler, server: Server) {
    this.handler = handler
    this.server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async start(
    options: Partial<HandlerOptions> = {},
    parts: StreamHandlerParts = {},
  ): Promise<HandlerServer> {
    const handler = new StreamHandler({ poolSize: 1, ...options }, parts)
    const server = createServer()
    server.on('upgrade', (request, socket, head) => handler.handleUpgrade(request, socket, head))
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return new HandlerServer(handler, server)
  }

  url(query = ''): string {
    return `ws://127.0.0.1:${this.port}/ws/ticks${query}`
  }

  async stop(timeoutMs = 5_000): Promise<void> {
    this.server.close()
    await this.handler.shutdown({ timeoutMs })
    this.server.closeAllConnections()
  }
}
