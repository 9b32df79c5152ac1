/**
 * Finds the audiences that were sent nothing for so long that their members get a heartbeat. One lane's own. An audience
 * is looked at when its interval ends, not with each frame. Intervals end at multiples of WHEEL_MS, so that the
 * heartbeats of many audiences go out in one turn.
 */
import { removeItem } from '../../src/common/remove-item.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { DueQueue, NOT_QUEUED } from '../conflate/due-queue.js'

const WHEEL_MS = 100

interface Watch {
  readonly audience: LaneAudience
  dueMs: number
  dueIndex: number
}

export class AudienceHeartbeats {
  /** The audiences whose members get a heartbeat with the next turn. */
  readonly due: LaneAudience[] = []
  private readonly queue = new DueQueue<Watch>()
  private readonly watches = new Map<LaneAudience, Watch>()

  /** When the next interval ends, ms; infinity where nobody asked for heartbeats. */
  get nextMs(): number {
    return this.queue.nextMs
  }

  open(audience: LaneAudience, nowMs: number): void {
    if (audience.spec.heartbeatMs === 0) return
    const watch = { audience, dueMs: 0, dueIndex: NOT_QUEUED }
    this.watches.set(audience, watch)
    audience.lastFramesMs = nowMs
    this.wait(watch)
  }

  close(audience: LaneAudience): void {
    const watch = this.watches.get(audience)
    if (watch === undefined) return
    this.watches.delete(audience)
    this.queue.remove(watch)
    removeItem(this.due, audience)
  }

  /** Looks at the audiences whose intervals have ended. */
  endIntervals(nowMs: number): void {
    let watch = this.queue.takeDue(nowMs)
    while (watch !== undefined) {
      if (isSilent(watch.audience, nowMs)) this.due.push(watch.audience)
      else this.wait(watch)
      watch = this.queue.takeDue(nowMs)
    }
  }

  /** Takes the audiences of `due`; those that were sent frames in this turn get no heartbeat. */
  take(nowMs: number): LaneAudience[] {
    const silent = this.due.filter(audience => isSilent(audience, nowMs))
    for (const audience of silent) audience.lastFramesMs = nowMs
    for (const audience of this.due) this.wait(this.watches.get(audience)!)
    this.due.length = 0
    return silent
  }

  private wait(watch: Watch): void {
    const { lastFramesMs, spec } = watch.audience
    watch.dueMs = Math.ceil((lastFramesMs + spec.heartbeatMs) / WHEEL_MS) * WHEEL_MS
    this.queue.push(watch)
  }
}

function isSilent({ lastFramesMs, spec }: LaneAudience, nowMs: number): boolean {
  return nowMs - lastFramesMs >= spec.heartbeatMs
}
