/** How messages with ticks are written: JSON, or the binary messages of another entry of this package. */
import type { ServerMessage, TickHead } from './messages.js'

export interface Codec<Tick extends TickHead> {
  /** Offered to the gateway. */
  readonly subprotocols: string[]
  /** Reads a binary message. Throws if it is none. */
  decode(data: ArrayBuffer): ServerMessage<Tick>
}

export const JSON_CODEC: Codec<never> = {
  subprotocols: [],
  decode() {
    throw new TypeError('a binary message without a codec')
  },
}
