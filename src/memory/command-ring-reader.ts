/**
 * Reads the commands for one lane, each once. The lane's own.
 * The bytes of a command stay until `release`.
 */
import {
  COMMAND_HEAD,
  COMMAND_HEADER_BYTES,
  COMMAND_TAIL,
  COMMAND_UNIT_BYTES,
  commandUnits,
  PADDING_LENGTH,
} from './command-ring-layout.js'
import { CommandRingMemory } from './command-ring-memory.js'
import { advance } from './ring-position.js'

export class CommandRingReader {
  private readonly memory: CommandRingMemory
  /** Position of the next command, or of the padding before it. */
  private tail: number

  constructor(memory: SharedArrayBuffer) {
    this.memory = new CommandRingMemory(memory)
    // Pairs with the store in CommandRingWriter.clear, and with the last one of an earlier lane in `release`.
    this.tail = Atomics.load(this.memory.header, COMMAND_TAIL)
  }

  /** Whether there is a next command. It stays in the ring. */
  hasNext(): boolean {
    // Pairs with the store in CommandRingWriter.tryWrite: all bytes before the head are visible from here on.
    if (Atomics.load(this.memory.header, COMMAND_HEAD) === this.tail) return false
    const { capacityUnits, int32 } = this.memory
    const { index } = this
    // The writer publishes padding and the command behind it in one step.
    if (int32[index * 2] === PADDING_LENGTH) this.tail = advance(this.tail, capacityUnits - index)
    return true
  }

  /**
   * Of the next command: the lane takes it when it has read the tick log up to this position. Only after `hasNext`.
   */
  get afterPosition(): number {
    return this.memory.int32[this.index * 2 + 1]!
  }

  /** The bytes of the next command, in the ring. Only after `hasNext`. */
  payload(): Uint8Array {
    const { bytes } = this.memory
    const start = this.index * COMMAND_UNIT_BYTES + COMMAND_HEADER_BYTES
    return bytes.subarray(start, start + this.length)
  }

  /** Takes the next command out of the ring. Only after `hasNext`. */
  release(): void {
    this.tail = advance(this.tail, commandUnits(this.length))
    // Gives the bytes back. Pairs with the load in CommandRingWriter.tail.
    Atomics.store(this.memory.header, COMMAND_TAIL, this.tail)
  }

  private get length(): number {
    return this.memory.int32[this.index * 2]!
  }

  private get index(): number {
    return this.tail & (this.memory.capacityUnits - 1)
  }
}
