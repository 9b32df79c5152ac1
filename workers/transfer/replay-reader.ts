/**
 * Reads the tick log again for a client that was away, in parts that take a lane well below a millisecond. One lane's
 * own. Called when the plans of the audiences are written: it uses the turn's scratch.
 * See docs/decisions/0013-the-tick-log-is-read-again-without-a-lock.md.
 */

import type { NamedPlace } from '../../src/lane-protocol/lane-commands.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { TickReader } from '../../src/ticks/tick-codec.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { clientStream, type FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { KnownEpochs } from '../read/known-epochs.js'
import type { KnownSymbol } from '../read/symbol-table.js'
import type { ClientFrames } from './client-frames.js'
import { PartReading, type PartReadingDeps, type ReplayRange } from './part-reading.js'

/** Ticks that one part reads at most: a quarter to half a millisecond. */
const PART_TICKS_MAX = 1024

/** Where a replay can begin that is to bring the ticks since a time. */
export interface PlaceSince {
  /** Behind the last tick before the replay. */
  readonly after: NamedPlace
  /** Whether no tick since that time is missing. False, too, where the log holds no earlier tick. */
  readonly isWhole: boolean
}

export interface ReplayPart extends ClientFrames {
  /** Behind the last tick that was read. */
  readonly place: StreamPlace
  /** Number of the last `ticks` message. */
  readonly seq: number
}

export interface ReplayReaderDeps<Known extends KnownSymbol>
  extends Omit<PartReadingDeps<Known>, 'partTicksMax' | 'records'> {
  readonly history: TickLogHistory
  readonly epochs: KnownEpochs
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
}

export class ReplayReader<Known extends KnownSymbol> {
  private readonly deps: ReplayReaderDeps<Known>
  private readonly partDeps: PartReadingDeps<Known>
  private readonly reader: TickReader

  constructor(deps: ReplayReaderDeps<Known>) {
    this.deps = deps
    this.partDeps = { ...deps, records: deps.history, partTicksMax: PART_TICKS_MAX }
    this.reader = deps.codec.createReader(deps.history.bytes)
  }

  /**
   * Reads the next part of a replay.
   *
   * @param endSerial of the last tick of the replay
   * @returns undefined when the writer has overwritten some of the ticks
   */
  next(from: ReplayRange, audience: LaneAudience, endSerial: number): ReplayPart | undefined {
    const { history, turn } = this.deps
    turn.clear()
    const reading = new PartReading(this.partDeps, this.reader, audience, from)
    if (reading.serial < endSerial && !history.seek(reading.serial)) return undefined
    while (reading.serial < endSerial && reading.hasRoom) if (!reading.readRecord(endSerial)) return undefined
    return this.compose(reading, audience, from)
  }

  /**
   * The place from which the first tick follows that was received at `sinceUs` or later.
   *
   * @param end of the replay
   */
  placeSince(sinceUs: number, end: StreamPlace): PlaceSince {
    const { epochs, history } = this.deps
    const isWhole = history.seekReceived(sinceUs)
    const isBefore = history.nextTicks() && history.firstSerial <= end.serial
    const serial = isBefore ? history.firstSerial - 1 : end.serial
    const offset = isBefore ? history.firstOffset - 1 : end.offset
    // The beginning of an epoch has a serial number of its own, before its first tick.
    const { name, number } = epochs.at(serial)
    return {
      after: { serial, offset, epoch: number, epochName: name },
      isWhole: isWhole && history.seek(serial),
    }
  }

  private compose(reading: PartReading<Known>, audience: LaneAudience, from: ReplayRange): ReplayPart {
    const { composer, publisher } = this.deps
    const stream = clientStream(audience, from.seq)
    const { plan } = reading
    const frames = publisher.copyOf(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX, start =>
      composer.compose(stream, plan, start),
    )
    return {
      frames,
      ticks: plan.tickCount,
      messages: stream.seq - from.seq,
      place: reading.place,
      seq: stream.seq,
    }
  }
}
