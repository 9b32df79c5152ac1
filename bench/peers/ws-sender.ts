/**
 * The function with which `ws` makes a frame. `ws` exports it, and its types lack it.
 */
import * as ws from 'ws'

interface FrameOptions {
  readonly fin: boolean
  readonly opcode: number
  readonly mask: boolean
  readonly readOnly: boolean
  readonly rsv1: boolean
}

const { Sender } = ws as unknown as {
  readonly Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] }
}
const TEXT: FrameOptions = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false }

/** The header, and the payload itself. */
export function wsTextFrame(payload: Buffer): Buffer[] {
  return Sender.frame(payload, TEXT)
}
