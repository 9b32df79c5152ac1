/** Reads `first_position` of a `TickBatch`, wherever in the message it stands. Main thread. */
import { FieldSkipper, VARINT } from '../ticks/field-skipper.js'

/** Of `TickBatch.first_position`. */
const TAG = (2 << 3) | VARINT
const VARINT_BYTES_MAX = 10

export class FirstPosition {
  private readonly skipper = new FieldSkipper()

  /** @returns 0 when there is none, or none below 2^53 */
  of(batch: Uint8Array): number {
    let at = 0
    while (at < batch.length) {
      const tag = batch[at]!
      // Longer tags are of fields that this contract does not have.
      if (tag >= 0x80) return 0
      if (tag === TAG) return positionAt(batch, at + 1)
      at = this.skipper.skip(batch, at + 1, batch.length, tag)
      if (at < 0) return 0
    }
    return 0
  }
}

function positionAt(bytes: Uint8Array, start: number): number {
  let value = 0
  let factor = 1
  for (let at = start; at < Math.min(bytes.length, start + VARINT_BYTES_MAX); at++) {
    value += (bytes[at]! & 0x7f) * factor
    if (bytes[at]! < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : 0
    factor *= 128
  }
  return 0
}
