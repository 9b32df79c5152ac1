/**
 * Steps over the records of the tick log, and over the ticks of each record. The lane and each replay have one of their
 * own. Ticks up to `serial` were taken before; the cursor steps over them.
 */

import type { LostEvent, StreamEpoch } from '../../src/lane-protocol/stream-events.js'
import type { RecordHeader } from '../../src/memory/record-header.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import { STREAM_EVENT, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { BatchReader } from '../../src/ticks/batch-reader.js'

/** A reader of the tick log. */
export interface LogRecords extends RecordHeader {
  readonly bytes: Uint8Array
  /** Steps onto the next record. @returns false when there is none */
  next(): boolean
}

/** No field has this number. */
const NO_FIELD = 0

export class LogCursor {
  /** Of the last tick or loss taken. */
  serial: number
  offset: number
  epoch: StreamEpoch
  /** Where the current tick lies in the log's bytes. */
  tickStart = 0
  tickEnd = 0
  private readonly log: LogRecords
  private readonly batch: BatchReader
  /** Ticks of the current record that were not taken yet. */
  private ticksLeft = 0

  /**
   * @param place behind what was taken before
   * @param epoch of that place
   * @param batchPath see `TickCodec`; a record holds fields of its last number
   */
  constructor(
    log: LogRecords,
    { offset, serial }: StreamPlace,
    epoch: StreamEpoch,
    batchPath: readonly number[],
  ) {
    this.log = log
    this.batch = new BatchReader(batchPath.at(-1) ?? NO_FIELD)
    this.serial = serial
    this.offset = offset
    this.epoch = epoch
  }

  /** Behind the last tick or loss taken. */
  get place(): StreamPlace {
    const { epoch, offset, serial } = this
    return { serial, offset, epoch: epoch.number }
  }

  /** Whether the current record has ticks left. */
  get isInRecord(): boolean {
    return this.ticksLeft > 0
  }

  /** Whether the current record is a stream event. */
  get isAtEvent(): boolean {
    return this.log.type === STREAM_EVENT
  }

  /** Steps onto the next record, and there over the ticks up to `serial`. @returns false when there is no record */
  nextRecord(): boolean {
    const { batch, log } = this
    this.ticksLeft = 0
    if (!log.next()) return false
    if (log.type === STREAM_EVENT) return true
    const takenCount = Math.max(0, this.serial - log.firstSerial + 1)
    if (takenCount >= log.count) return true
    // An int32, so that V8 keeps the field a small integer.
    this.ticksLeft = (log.count - takenCount) | 0
    this.offset = log.firstOffset + takenCount - 1
    if (log.type !== TICK_BATCH) return true
    batch.reset(log.bytes, log.payloadStart, log.payloadStart + log.payloadLength)
    for (let index = 0; index < takenCount; index++) batch.next()
    return true
  }

  /** Steps onto the next tick of the current record. @returns false when there is none */
  nextTick(): boolean {
    if (this.ticksLeft === 0) return false
    const { batch, log } = this
    if (log.type !== TICK_BATCH) {
      this.tickStart = log.payloadStart
      this.tickEnd = log.payloadStart + log.payloadLength
    } else if (batch.next()) {
      this.tickStart = batch.tickStart
      this.tickEnd = batch.tickEnd
    } else {
      // In a replay the writer may have overwritten the record.
      this.ticksLeft = 0
      return false
    }
    this.ticksLeft--
    this.serial++
    this.offset++
    return true
  }

  /** The bytes of the current event, in the log. */
  eventBytes(): Uint8Array {
    const { bytes, payloadLength, payloadStart } = this.log
    return bytes.subarray(payloadStart, payloadStart + payloadLength)
  }

  /** Takes the loss that the current event tells. */
  takeLoss({ epoch, offset }: LostEvent): void {
    this.serial = this.log.firstSerial
    this.offset = offset
    if (epoch !== undefined) this.epoch = epoch
  }
}
