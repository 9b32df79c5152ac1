/**
 * One record of the past at a time, as the records of the tick log are read. Of the thread that reads the past. The bytes
 * stand in memory that never moves, because a reader of ticks is made for its memory.
 */
import { encodeEvent, type LostEvent } from '../../src/lane-protocol/stream-events.js'
import { RecordHeader } from '../../src/memory/record-header.js'
import { STREAM_EVENT, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import type { HistoryTicks } from '../../src/ticks/stream-history.js'
import type { PastRecords } from './part-reading.js'

/** The longest message that NATS takes, unless its operator raises that. A relay writes less. */
const WINDOW_BYTES = 1024 * 1024

export class HistoryWindow extends RecordHeader implements PastRecords {
  readonly bytes = new Uint8Array(WINDOW_BYTES)
  private isLoaded = false

  /** @param firstSerial of its first tick @returns false when it has no room */
  loadTicks({ count, data, offset, receivedUs }: HistoryTicks, firstSerial: number): boolean {
    if (data.length > this.bytes.length) return false
    this.type = TICK_BATCH
    this.count = count
    this.firstOffset = offset
    this.receivedUs = receivedUs
    this.load(data, firstSerial)
    return true
  }

  loadLoss(event: LostEvent, serial: number): void {
    this.type = STREAM_EVENT
    this.count = 0
    this.load(encodeEvent(event), serial)
  }

  next(): boolean {
    const { isLoaded } = this
    this.isLoaded = false
    return isLoaded
  }

  isIntact(): boolean {
    return true
  }

  private load(payload: Uint8Array, firstSerial: number): void {
    this.bytes.set(payload)
    this.payloadLength = payload.length
    this.firstSerial = firstSerial
    this.isLoaded = true
  }
}
