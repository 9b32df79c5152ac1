/**
 * Clients that resume from an offset which is not here yet: another gateway was further, or this one has just begun. Main
 * thread. Each of them is a connected client, so there are no more than clients.
 */
import type { Clock, Timer } from '../common/clock.js'
import { removeItem } from '../common/remove-item.js'
import type { Membership } from '../fanout/membership.js'
import type { Recipient } from '../fanout/recipient.js'
import { isAwaited, type SoughtStart } from '../fanout/wanted-start.js'
import { RESUME_GONE, type ReplayStart } from '../lane-protocol/lane-commands.js'
import type { ResumePoint } from '../protocol/resume-point.js'
import { isStartError, placeOfPoint, type StreamExtent } from './replay-start.js'

/** A gateway that is further behind is no replacement for the one before. */
export const RESUME_WAIT_MS = 5_000

export interface ResumeWaitsDeps extends Pick<StreamExtent, 'numbering' | 'past'> {
  readonly clock: Pick<Clock, 'after' | 'nowMs'>
  readonly membership: Pick<Membership, 'startFound'>
}

interface Wait {
  readonly recipient: Recipient
  readonly point: ResumePoint
  readonly untilMs: number
}

export class ResumeWaits {
  private readonly deps: ResumeWaitsDeps
  /** In the order in which they end. */
  private readonly waits: Wait[] = []
  private timer: Timer | undefined
  /** When the stream has this offset, or another epoch, a wait may be over. */
  private nextOffset = 0
  private epoch: string | undefined

  constructor(deps: ResumeWaitsDeps) {
    this.deps = deps
  }

  get count(): number {
    return this.waits.length
  }

  /** Lets a client wait for its point, but not for ever. */
  add(recipient: Recipient, point: ResumePoint): void {
    this.waits.push({ recipient, point, untilMs: this.deps.clock.nowMs() + RESUME_WAIT_MS })
    this.setNext()
    this.setTimer()
  }

  /** The stream may have reached some of the points. Costs nothing while it has not. */
  streamMoved(): void {
    if (this.waits.length === 0) return
    const { epoch, offset } = this.deps.numbering
    if (epoch.name === this.epoch && offset < this.nextOffset) return
    for (const wait of [...this.waits]) this.look(wait)
    this.setNext()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.waits.length = 0
  }

  private look(wait: Wait): void {
    const start = placeOfPoint(wait.point, this.deps)
    // An error: the epoch has become one that only this process counts.
    if (isStartError(start)) this.settle(wait, RESUME_GONE)
    else if (!isAwaited(start)) this.settle(wait, start)
  }

  private settle(wait: Wait, start: ReplayStart | SoughtStart): void {
    removeItem(this.waits, wait)
    this.deps.membership.startFound(wait.recipient, start)
  }

  private setNext(): void {
    this.epoch = this.deps.numbering.epoch.name
    this.nextOffset = Math.min(...this.waits.map(({ point }) => point.offset))
  }

  private setTimer(): void {
    const first = this.waits[0]
    if (this.timer !== undefined || first === undefined) return
    const { clock } = this.deps
    this.timer = clock.after(Math.max(0, first.untilMs - clock.nowMs()), () => {
      this.timer = undefined
      const nowMs = clock.nowMs()
      for (const wait of [...this.waits]) if (wait.untilMs <= nowMs) this.settle(wait, RESUME_GONE)
      this.setTimer()
    })
  }
}
