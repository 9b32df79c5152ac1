/**
 * Frames for one client, in memory of their own. Pure.
 */

export const NO_BYTES: Uint8Array = new Uint8Array(0)

export interface ClientFrames {
  readonly frames: Uint8Array
  readonly ticks: number
  /** Messages of type `ticks`. */
  readonly messages: number
}

export const NO_FRAMES: ClientFrames = { frames: NO_BYTES, ticks: 0, messages: 0 }

/** The frames of all, one behind the other. */
export function concatFrames(...parts: readonly ClientFrames[]): ClientFrames {
  return {
    frames: concatBytes(...parts.map(({ frames }) => frames)),
    ticks: parts.reduce((sum, { ticks }) => sum + ticks, 0),
    messages: parts.reduce((sum, { messages }) => sum + messages, 0),
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let start = 0
  for (const part of parts) {
    whole.set(part, start)
    start += part.length
  }
  return whole
}
