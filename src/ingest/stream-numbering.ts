/**
 * Which offset each serial number in the tick log has, and back. Main thread.
 * Serial numbers count what stands in the log, ticks and losses, without holes: lanes and clients are compared by them.
 * Offsets are those of the stream: they have holes, and begin anew with each epoch. Clients see only these.
 */
import type { FoundPlace } from '../lane-protocol/lane-commands.js'
import { EPOCHS_MAX, type PlacedEpoch } from '../lane-protocol/lane-task.js'
import type { LostEvent, StreamEpoch } from '../lane-protocol/stream-events.js'
import type { StreamPlace } from '../memory/stream-place.js'
import type { NamedOffset } from '../ticks/stream-history.js'

/** From here on, `offset − serial` stays the same. */
interface Run {
  readonly epoch: StreamEpoch
  readonly serial: number
  readonly offset: number
}

/** A feed that loses more than so many times within the tick log is not resumed from before that. */
const RUNS_MAX = 16_384

export class StreamNumbering {
  private runs: Run[]
  private lastSerial = 0
  private lastOffset = 0
  private hasSource = false
  private readonly epochStarts: PlacedEpoch[]

  constructor(epoch: StreamEpoch) {
    this.runs = [{ epoch, serial: 0, offset: 0 }]
    this.epochStarts = [{ epoch, serial: 0 }]
  }

  /** Of the last tick or loss in the log; 0: there is none. */
  get serial(): number {
    return this.lastSerial
  }

  /** Of the last tick or loss in the log. */
  get offset(): number {
    return this.lastOffset
  }

  get epoch(): StreamEpoch {
    return this.runs.at(-1)!.epoch
  }

  get place(): StreamPlace {
    return { serial: this.lastSerial, offset: this.lastOffset, epoch: this.epoch.number }
  }

  /** The newest epochs that begin at or before a place, in their order; at least one. */
  epochsUpTo(serial: number): readonly PlacedEpoch[] {
    const [first, ...others] = this.epochStarts
    return [first!, ...others.filter(each => each.serial <= serial)]
  }

  /** A source may name the epoch with its first tick. */
  sourceAttached(): void {
    this.hasSource = true
  }

  /** `count` ticks are in the log. @param offset of the first one */
  ticksAppended(count: number, offset: number): void {
    if (offset !== this.lastOffset + 1) this.beginRun(this.epoch, this.lastSerial + 1, offset)
    this.lastSerial += count
    this.lastOffset = offset + count - 1
  }

  /** A loss is in the log. */
  lossAppended({ epoch, offset }: LostEvent): void {
    this.lastSerial++
    if (epoch !== undefined) this.epochStarts.push({ epoch, serial: this.lastSerial })
    if (this.epochStarts.length > EPOCHS_MAX) this.epochStarts.shift()
    if (epoch !== undefined || offset !== this.lastOffset + 1)
      this.beginRun(epoch ?? this.epoch, this.lastSerial, offset)
    this.lastOffset = offset
  }

  /** The place of a client that has everything up to an offset. */
  find(epochName: string, offset: number): FoundPlace {
    const { runs } = this
    let index = this.lastRunOf(epochName, offset)
    if (index < 0) return this.lastSerial === 0 && this.hasSource ? 'unnamed' : 'gone'
    if (offset > this.lastOffset && index === runs.length - 1) return 'future'
    // Losses may stand behind the tick with this offset: they are told again rather than never.
    while (index > 0 && runs[index - 1]!.epoch === runs[index]!.epoch && this.endOf(index - 1) === offset)
      index--
    const run = runs[index]!
    const serial = Math.min(run.serial + offset - run.offset, this.lastSerialOf(index))
    return { serial, offset, epoch: run.epoch.number, epochName }
  }

  /** The name of an epoch by its number; undefined: it is too long ago. */
  nameOf(epoch: number): string | undefined {
    return this.runs.findLast(run => run.epoch.number === epoch)?.epoch.name
  }

  /** The number of the present epoch if it has this name. */
  numberOf(epochName: string): number | undefined {
    return this.epoch.name === epochName ? this.epoch.number : undefined
  }

  /** The place of a serial number as clients name it; undefined: it is too long ago. */
  placeOf(serial: number): NamedOffset | undefined {
    const run = this.runs.findLast(each => each.serial <= serial)
    return run && { epoch: run.epoch.name, offset: run.offset + serial - run.serial }
  }

  /** Index of the run of that epoch that begins last at or before the offset; −1: there is none. */
  private lastRunOf(epochName: string, offset: number): number {
    const { runs } = this
    for (let index = runs.length - 1; index >= 0; index--) {
      const run = runs[index]!
      if (run.epoch.name === epochName && run.offset <= offset) return index
    }
    return -1
  }

  private lastSerialOf(index: number): number {
    return (this.runs[index + 1]?.serial ?? this.lastSerial + 1) - 1
  }

  /** The last offset of a run. */
  private endOf(index: number): number {
    const { offset, serial } = this.runs[index]!
    return offset + this.lastSerialOf(index) - serial
  }

  private beginRun(epoch: StreamEpoch, serial: number, offset: number): void {
    this.runs.push({ epoch, serial, offset })
    if (this.runs.length > RUNS_MAX) this.runs = this.runs.slice(RUNS_MAX / 2)
  }
}
