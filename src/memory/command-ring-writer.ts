/**
 * Writes commands into the ring of one lane. Main thread; there is one writer.
 * The lane sees a command only when all its bytes are written. The writer never passes the lane's tail.
 */
import { invariant } from '../common/errors.js'
import {
  COMMAND_HEAD,
  COMMAND_HEADER_BYTES,
  COMMAND_TAIL,
  COMMAND_UNIT_BYTES,
  commandUnits,
  PADDING_LENGTH,
} from './command-ring-layout.js'
import { CommandRingMemory } from './command-ring-memory.js'
import { advance, distance } from './ring-position.js'

export class CommandRingWriter {
  /** The longest payload that fits into an empty ring, wherever its head is. */
  readonly payloadBytesMax: number
  private readonly memory: CommandRingMemory
  /** The position after the last record. */
  private head: number

  constructor(memory: SharedArrayBuffer) {
    this.memory = new CommandRingMemory(memory)
    this.head = Atomics.load(this.memory.header, COMMAND_HEAD)
    this.payloadBytesMax = (this.memory.capacityUnits / 2) * COMMAND_UNIT_BYTES - COMMAND_HEADER_BYTES
  }

  /** Whether the lane has taken every command. */
  get isEmpty(): boolean {
    return this.tail() === this.head
  }

  /**
   * Writes a command and publishes it.
   *
   * @param afterPosition the lane takes the command when it has read the tick log up to this position
   * @returns false, with nothing written, when the lane leaves too little room
   */
  tryWrite(payload: Uint8Array, afterPosition: number): boolean {
    const { length } = payload
    invariant(
      length <= this.payloadBytesMax,
      `command of ${length} bytes, at most ${this.payloadBytesMax}: see commandRingBytes`,
    )
    const { bytes, capacityUnits, header, int32 } = this.memory
    const units = commandUnits(length)
    const index = this.head & (capacityUnits - 1)
    const toEnd = capacityUnits - index
    const padding = units > toEnd ? toEnd : 0
    if (distance(this.tail(), this.head) + padding + units > capacityUnits) return false

    if (padding > 0) int32[index * 2] = PADDING_LENGTH
    const start = padding > 0 ? 0 : index
    int32[start * 2] = length
    int32[start * 2 + 1] = afterPosition
    bytes.set(payload, start * COMMAND_UNIT_BYTES + COMMAND_HEADER_BYTES)
    this.head = advance(this.head, padding + units)
    // Publishes the command. Pairs with the load in CommandRingReader.hasNext.
    Atomics.store(header, COMMAND_HEAD, this.head)
    return true
  }

  /** Takes all commands out of the ring. Only while no lane reads it: the tail belongs to the lane. */
  clear(): void {
    // Pairs with the load in the constructor of the successor's CommandRingReader.
    Atomics.store(this.memory.header, COMMAND_TAIL, this.head)
  }

  private tail(): number {
    // Pairs with the store in CommandRingReader.release: the lane has read all bytes before the tail.
    return Atomics.load(this.memory.header, COMMAND_TAIL)
  }
}
