/**
 * A real WebSocket client of the binary subprotocol that keeps its messages.
 */
import { type ClientOptions, WebSocket } from 'ws'
import type { ControlMessage } from '../../src/protocol/messages.js'
import { decodeTicksMessage, type TicksMessage } from './proto-messages.js'
import { Watched } from './watched.js'

export class BinaryClient extends Watched {
  readonly socket: WebSocket
  readonly control: ControlMessage[] = []
  readonly messages: TicksMessage[] = []
  readonly raw: Buffer[] = []

  constructor(url: string, options: ClientOptions) {
    super()
    this.socket = new WebSocket(url, ['ringcast.v1.protobuf', 'ringcast.v1.json'], options)
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        this.raw.push(data)
        this.messages.push(decodeTicksMessage(data))
      } else this.control.push(JSON.parse(data.toString()))
      this.changed()
    })
  }

  static async connect(url: string, options: ClientOptions = {}): Promise<BinaryClient> {
    const client = new BinaryClient(url, options)
    await client.until(() => client.control.length === 1)
    return client
  }

  get ticks() {
    return this.messages.flatMap(({ ticks }) => ticks)
  }
}
