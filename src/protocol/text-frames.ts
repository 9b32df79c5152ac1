/**
 * Messages without ticks as text frames, one behind the other. Any thread. Pure.
 */
import { type ControlMessage, messageText } from './messages.js'
import { frameHeaderBytes, writeTextFrameHeader } from './websocket-frame.js'

const encoder = new TextEncoder()

export function textFrames(messages: readonly ControlMessage[]): Uint8Array {
  const payloads = messages.map(message => encoder.encode(messageText(message)))
  const bytes = new Uint8Array(
    payloads.reduce((sum, { length }) => sum + frameHeaderBytes(length) + length, 0),
  )
  let next = 0
  for (const payload of payloads) {
    next = writeTextFrameHeader(bytes, next, payload.length)
    bytes.set(payload, next)
    next += payload.length
  }
  return bytes
}
