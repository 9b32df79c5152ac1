/** Walks down a message to the repeated field that holds ticks, several messages deep or none. Main thread. */
import { BatchReader } from './batch-reader.js'

/** Takes the ticks of a reader that stands in front of them. */
export type TakeTicks = (batch: BatchReader, message: Uint8Array, receivedUs: number) => void

export class BatchLevels {
  /** One for each field of the path; the last one finds ticks. */
  private readonly levels: readonly BatchReader[]
  private readonly take: TakeTicks

  /** @param path see `TickCodec.batchPath` */
  constructor(path: readonly number[], take: TakeTicks) {
    this.levels = path.map(field => new BatchReader(field))
    this.take = take
  }

  /** Whether messages hold no ticks, but are ticks. */
  get areTicks(): boolean {
    return this.levels.length === 0
  }

  /** Has all ticks of the message taken, in their order. @returns false at bytes that are no field */
  walk(message: Uint8Array, receivedUs: number): boolean {
    return this.walkLevel(0, message, 0, message.length, receivedUs)
  }

  private walkLevel(
    depth: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): boolean {
    const level = this.levels[depth]!
    level.reset(message, start, end)
    if (depth === this.levels.length - 1) {
      this.take(level, message, receivedUs)
      return !level.isBroken
    }
    let isWhole = true
    while (isWhole && level.next())
      isWhole = this.walkLevel(depth + 1, message, level.tickStart, level.tickEnd, receivedUs)
    return isWhole && !level.isBroken
  }
}
