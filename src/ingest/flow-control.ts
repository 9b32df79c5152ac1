/**
 * Pauses the source while the slowest lane is too far behind, or while the tick log is full. Main thread.
 */
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { LogReaders } from './log-readers.js'

/** A sender of ticks. `resume` sends nothing before it has returned. */
export interface Pausable {
  pause(): void
  resume(): void
}

export interface FlowControlDeps {
  readonly readers: LogReaders
  /** Ticks that the slowest lane may be behind before the source is paused. */
  readonly queueSize: number
  readonly counters: CounterWriter
}

export class FlowControl {
  private readonly deps: FlowControlDeps
  private source: Pausable | undefined
  private paused = false

  constructor(deps: FlowControlDeps) {
    this.deps = deps
  }

  /** Whether the source is paused now. */
  get isPaused(): boolean {
    return this.paused
  }

  attach(source: Pausable): void {
    this.source = source
  }

  /** Whether the slowest lane is as far behind as it may be. */
  isQueueFull(lastSerial: number): boolean {
    return this.deps.readers.slowestLag(lastSerial) >= this.deps.queueSize
  }

  /** Whether the source should be paused, and is not. */
  isPauseDue(lastSerial: number): boolean {
    return !this.paused && this.deps.readers.slowestLag(lastSerial) > this.deps.queueSize
  }

  /** @returns false when the source was paused before */
  pause(): boolean {
    if (this.paused) return false
    this.paused = true
    this.deps.counters.values[MAIN_SLOTS.sourcePauses]! += 1
    this.source?.pause()
    return true
  }

  /** Resumes the source when half of the queue is free. */
  resumeIfRoom(lastSerial: number): void {
    if (!this.paused || this.deps.readers.slowestLag(lastSerial) > this.deps.queueSize / 2) return
    this.paused = false
    this.source?.resume()
  }
}
