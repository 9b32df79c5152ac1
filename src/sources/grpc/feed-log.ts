/**
 * Says in the log whether there is a feed. Main thread. However often a feed comes and goes, the log stays short:
 * one line when it is lost, one every few minutes while it is lost, one a minute while it ends each of its streams.
 */
import type { Clock } from '../../common/clock.js'
import type { SourceLog } from './grpc-options.js'

/** A lasting failure is told again after this time. */
export const REMINDER_MS = 300_000
/** A feed that fails again so soon after it was back was never well. It is told of again when it does not return at once. */
const RELAPSE_MS = 60_000
const BRIEF_MS = 10_000
const ENDS_PERIOD_MS = 60_000

export class FeedLog {
  private readonly log: SourceLog
  private readonly clock: Clock
  private readonly target: string
  private isDown = false
  /** Whether the log has told of the feed since it last told that there was none. */
  private isLiveTold = false
  private isDownTold = false
  private downSinceMs = 0
  /** When the log is to tell of this loss. */
  private tellAtMs = 0
  /** When the log is to tell again that the feed is lost. */
  private remindAtMs = 0
  /** When the feed was last back. */
  private backAtMs = Number.NEGATIVE_INFINITY
  private endsToldMs = Number.NEGATIVE_INFINITY
  private endsUntold = 0
  private isAcceptanceTold = false

  constructor(log: SourceLog, clock: Clock, target: string) {
    this.log = log
    this.clock = clock
    this.target = target
  }

  /** The connection stands, and the feed has not refused the call. */
  accepted(): void {
    if (this.isAcceptanceTold) return
    this.isAcceptanceTold = true
    this.log.info(`connected to ${this.target}, waiting for its first tick`)
  }

  /** The feed has answered. */
  live(session: number): void {
    const nowMs = this.clock.nowMs()
    const after = this.isDown ? ` again after ${durationText(nowMs - this.downSinceMs)}` : ''
    this.isAcceptanceTold = true
    if (!this.isLiveTold) this.log.info(`the feed at ${this.target} is live${after}, session ${session}`)
    if (this.isDown) this.backAtMs = nowMs
    this.isLiveTold = true
    this.isDown = false
  }

  /** A call that has served has ended, and is made again at once. */
  ended(reason: string): void {
    // It need not have answered: a feed may be silent.
    this.isDown = false
    this.endsUntold++
    const nowMs = this.clock.nowMs()
    const sinceMs = nowMs - this.endsToldMs
    if (sinceMs < ENDS_PERIOD_MS) return
    const count = this.endsUntold === 1 ? '' : ` ${this.endsUntold} times in ${durationText(sinceMs)}`
    this.log.info(`the stream of ${this.target} has ended${count} and is called again at once: ${reason}`)
    this.endsToldMs = nowMs
    this.endsUntold = 0
  }

  /** A call is made again after a delay. @param text in place of the first line about it */
  failed(reason: string, text = `no feed at ${this.target}, trying until there is one: ${reason}`): void {
    const nowMs = this.clock.nowMs()
    if (!this.isDown) {
      this.isDown = true
      this.isDownTold = false
      this.downSinceMs = nowMs
      this.tellAtMs = nowMs - this.backAtMs < RELAPSE_MS ? nowMs + BRIEF_MS : nowMs
    }
    const isDue = nowMs >= this.remindAtMs || (!this.isDownTold && nowMs >= this.tellAtMs)
    if (!isDue) return
    this.remindAtMs = nowMs + REMINDER_MS
    const downMs = nowMs - this.downSinceMs
    if (!this.isDownTold) this.log.warn(text)
    else this.log.warn(`no feed at ${this.target} for ${durationText(downMs)}, still trying: ${reason}`)
    this.isDownTold = true
    this.isLiveTold = false
    this.isAcceptanceTold = false
  }

  /** Something else that an operator must know. */
  warn(message: string): void {
    this.log.warn(message)
  }
}

/** "45 s", "12 min" or "3 h". */
function durationText(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return `${Math.round(ms / 3_600_000)} h`
}
