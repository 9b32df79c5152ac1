/**
 * The words that every descriptor of the frame ring begins with. Layout and codec; any thread. A descriptor names one
 * run of frames, or marks a place between frames. Its kind decides what stands in the other words.
 *
 *   0      4         8       12       16                   40                    112
 *   +------+---------+-------+--------+--------------------+---------------------+
 *   | kind | segment | start | length | 6 int32 by kind    | 9 float64 by kind   |
 *   +------+---------+-------+--------+--------------------+---------------------+
 *
 *   kind              file                      says
 *   AUDIENCE_FRAMES   audience-descriptor.ts    frames for every member of an audience
 *   REPLY             reply-descriptor.ts       frames for one client, and where the client is after them
 *   TURN_BEGIN        turn-descriptor.ts        a turn begins, paced or prompt
 *   TURN_END          turn-descriptor.ts        the turn is complete
 */

export const DESCRIPTOR_BYTES = 112
export const DESCRIPTOR_INT32S = DESCRIPTOR_BYTES / 4
export const DESCRIPTOR_FLOAT64S = DESCRIPTOR_BYTES / 8

export const AUDIENCE_FRAMES = 1
export const REPLY = 2
export const TURN_BEGIN = 3
export const TURN_END = 4

// Words of every kind, as indexes from the descriptor's first int32.
export const KIND_INT32 = 0
const SEGMENT_INT32 = 1
const START_INT32 = 2
const LENGTH_INT32 = 3
/** The first words whose meaning depends on the kind. */
export const FIRST_INT32 = 4
export const FIRST_FLOAT64 = 5

/** One descriptor. Writer and reader each fill one object of a kind again and again: it is valid until the next one. */
export abstract class FrameDescriptor {
  abstract readonly kind: number
  segment = 0
  /** Offset in bytes of the first frame in the lane's memory. */
  start = 0
  /** Bytes of the frames; 0: the descriptor is a mark. */
  length = 0

  /** Fills the fields with the descriptor at `index` of the ring. */
  read(int32: Int32Array, float64: Float64Array, index: number): void {
    const words = index * DESCRIPTOR_INT32S
    this.segment = int32[words + SEGMENT_INT32]!
    this.start = int32[words + START_INT32]!
    this.length = int32[words + LENGTH_INT32]!
    this.readOwn(int32, words, float64, index * DESCRIPTOR_FLOAT64S)
  }

  /** Writes the fields to the descriptor at `index` of the ring. */
  write(int32: Int32Array, float64: Float64Array, index: number): void {
    const words = index * DESCRIPTOR_INT32S
    int32[words + KIND_INT32] = this.kind
    int32[words + SEGMENT_INT32] = this.segment
    int32[words + START_INT32] = this.start
    int32[words + LENGTH_INT32] = this.length
    this.writeOwn(int32, words, float64, index * DESCRIPTOR_FLOAT64S)
  }

  /** Reads the words of its kind. `words` and `floats` are the indexes of the descriptor's first int32 and float64. */
  protected abstract readOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void

  protected abstract writeOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void
}
