/**
 * An attacker's connection: sends any texts in one write, and reads the JSON messages of the gateway.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { clientFrame, LoadClient, type MessageReader, TEXT } from '../processes/load-client.js'

/** Completes a compressed message for DEFLATE: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2 */
const DEFLATE_TAIL = Buffer.from([0, 0, 0xff, 0xff])
const SYNC = { finishFlush: constants.Z_SYNC_FLUSH }

export interface CommandClientOptions {
  readonly port: number
  /** The query, with its question mark. */
  readonly query: string
  readonly deflate?: boolean
  /** The bytes that the client reads per second, at an even pace. */
  readonly bytesPerSecond?: number
  readonly onMessage?: (message: ServerMessage) => void
}

class JsonReader implements MessageReader {
  keepsWindow: boolean | undefined
  private pieces: Uint8Array[] = []

  constructor(private readonly onMessage: (message: ServerMessage) => void) {}

  take(buffer: Uint8Array, start: number, length: number): void {
    // A copy: the connection reads the next bytes into the same buffer.
    this.pieces.push(Uint8Array.from(buffer.subarray(start, start + length)))
  }

  messageEnded(isCompressed: boolean): void {
    const bytes = Buffer.concat(isCompressed ? [...this.pieces, DEFLATE_TAIL] : this.pieces)
    this.pieces = []
    const text = (isCompressed ? inflateRawSync(bytes, SYNC) : bytes).toString()
    this.onMessage(JSON.parse(text) as ServerMessage)
  }
}

export class CommandClient {
  readonly connection: LoadClient

  private constructor(connection: LoadClient) {
    this.connection = connection
  }

  /** @throws Error with the server's response when the server refuses the client */
  static async connect(options: CommandClientOptions): Promise<CommandClient> {
    const { port, query, deflate = false, bytesPerSecond, onMessage } = options
    return await new Promise((resolve, reject) => {
      const client = new CommandClient(
        new LoadClient({
          port,
          path: `/ws/ticks${query}`,
          deflate,
          isSocketIo: false,
          reader: onMessage && new JsonReader(onMessage),
          ...(bytesPerSecond !== undefined && { bytesPerSecond }),
          opened: refusal => {
            if (refusal === undefined) resolve(client)
            else reject(new Error(refusal))
          },
        }),
      )
    })
  }

  /** Sends all texts in one write. */
  send(...texts: readonly string[]): void {
    this.connection.send(...texts.map(text => clientFrame(TEXT, Buffer.from(text))))
  }

  sendCompressed(text: string): void {
    this.connection.send(CommandClient.compressedFrame(text))
  }

  static compressedFrame(text: string): Buffer {
    const bytes = deflateRawSync(Buffer.from(text), SYNC).subarray(0, -DEFLATE_TAIL.length)
    return clientFrame(TEXT, bytes, true)
  }
}
