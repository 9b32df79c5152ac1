/**
 * How far the tick log reaches back, by the headers of its records. Main thread. True for a moment: what the log holds now
 * may be overwritten soon.
 */
import { TickLogHistory } from '../memory/tick-log-history.js'
import type { StreamNumbering } from './stream-numbering.js'

export class LogExtent {
  private readonly history: TickLogHistory
  private readonly numbering: Pick<StreamNumbering, 'serial'>

  constructor(tickLog: SharedArrayBuffer, numbering: Pick<StreamNumbering, 'serial'>) {
    this.history = new TickLogHistory(tickLog)
    this.numbering = numbering
  }

  /** Whether the log holds all that follows a serial number. */
  holds(serial: number): boolean {
    return serial >= this.numbering.serial || this.history.seek(serial)
  }

  /** Whether it also will for as long as a lane takes to read that. */
  holdsLong(serial: number): boolean {
    return serial >= this.numbering.serial || (this.history.seek(serial) && this.history.isInNewerHalf)
  }

  /** Whether the log holds all that was received at `receivedUs` or later. False, too, where it holds nothing earlier. */
  holdsSince(receivedUs: number): boolean {
    return this.history.seekReceived(receivedUs)
  }
}
