/**
 * The fields of one message and of the messages in it, as int32 words. One reader's own; emptied for each tick.
 *
 *   frame      one message: two words for each field of its type, 0 for a field that is not there
 *
 *     number              | index of its bytes |                |
 *     string, bytes       | index of its bytes | length         |
 *     message             | its frame          |                |
 *     repeated, map       | first node         | last node      |
 *
 *   node       one value of a repeated field, or a run of packed ones
 *
 *     | next node, or 0 | index of its bytes, or its frame | length, or end of the run | 1: packed |
 *
 * A frame is found by its index, so a message that comes in pieces goes into the frame that it has already.
 */
export const NODE_NEXT = 0
export const NODE_VALUE = 1
export const NODE_LENGTH = 2
export const NODE_IS_PACKED = 3
const NODE_WORDS = 4

/** Index 0 stands for nothing. */
const FIRST_WORD = 1
const WORDS_AT_FIRST = 1024

export class FieldTape {
  words = new Int32Array(WORDS_AT_FIRST)
  private readonly wordsMax: number
  private end = FIRST_WORD

  /** @param wordsMax beyond which a message is too large */
  constructor(wordsMax: number) {
    this.wordsMax = wordsMax
  }

  clear(): void {
    this.end = FIRST_WORD
  }

  /** An empty frame. @returns its index; 0 when the message is too large */
  addFrame(words: number): number {
    const frame = this.end
    if (!this.take(words)) return 0
    for (let index = frame; index < this.end; index++) this.words[index] = 0
    return frame
  }

  /** Adds a node behind the last one of the list at `slot`. @returns false when the message is too large */
  addNode(slot: number, value: number, length: number, isPacked: number): boolean {
    const node = this.end
    if (!this.take(NODE_WORDS)) return false
    const { words } = this
    words[node + NODE_NEXT] = 0
    words[node + NODE_VALUE] = value
    words[node + NODE_LENGTH] = length
    words[node + NODE_IS_PACKED] = isPacked
    if (words[slot] === 0) words[slot] = node
    else words[words[slot + 1]! + NODE_NEXT] = node
    words[slot + 1] = node
    return true
  }

  private take(words: number): boolean {
    const end = this.end + words
    if (end > this.wordsMax) return false
    if (end > this.words.length) {
      const larger = new Int32Array(2 * end)
      larger.set(this.words)
      this.words = larger
    }
    this.end = end
    return true
  }
}
