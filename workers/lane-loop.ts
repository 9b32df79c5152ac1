/**
 * The loop of a lane: reads, publishes turns, commits and sleeps until told to stop. One lane's own.
 * All that must not be lost stands in shared memory, so another lane can go on from there.
 */

import type { Clock } from '../src/common/clock.js'
import type { CounterWriter } from '../src/memory/counters.js'
import type { FrameRingWriter } from '../src/memory/frame-ring-writer.js'
import { ASLEEP, ASLEEP_FOR_ROOM, type LaneWakeUp } from '../src/memory/lane-wake-up.js'
import { PACED, PROMPT } from '../src/memory/turn-descriptor.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { CommandInbox } from './command-inbox.js'
import type { AudienceHeartbeats } from './compose/audience-heartbeats.js'
import type { FrameComposer } from './compose/frame-composer.js'
import type { GroupFlush } from './compose/group-flush.js'
import type { TurnWriter } from './compose/turn-writer.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'
import type { LaneCommit } from './lane-commit.js'
import type { LaneControl } from './lane-control.js'
import type { LaneReader } from './lane-reader.js'
import { type LaneSleep, Stopped } from './lane-sleep.js'
import {
  COMMIT,
  nextStep,
  PACED_TURN,
  PROMPT_TURN,
  READ,
  SLEEP_FOR_ROOM,
  type Step,
  TURNS_AHEAD_MAX,
} from './next-step.js'
import type { CurrentStatus } from './read/current-status.js'
import type { LaneTransfers } from './transfer/lane-transfers.js'

/** Added to the sleep until the next interval ends, so that several intervals end in one wake-up, ms. */
const DUE_SLACK_MS = 2

export interface LaneLoopDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'epochUs' | 'aheadUs'>
  readonly control: LaneControl
  readonly wakeUp: LaneWakeUp
  readonly ring: FrameRingWriter
  readonly counters: CounterWriter
  readonly reader: LaneReader
  readonly inbox: CommandInbox
  readonly collector: TickCollector
  readonly schedule: ConflationSchedule
  readonly composer: FrameComposer
  readonly turnWriter: TurnWriter
  readonly groupFlush: GroupFlush
  readonly heartbeats: AudienceHeartbeats
  readonly status: CurrentStatus
  readonly transfers: LaneTransfers
  readonly commit: LaneCommit
  readonly sleep: LaneSleep
}

export class LaneLoop {
  private readonly deps: LaneLoopDeps
  /** Paced turns that this lane has published. */
  private turns = 0
  private readonly hasWork = (): boolean => {
    const { control, inbox, reader } = this.deps
    return control.isStopped || reader.canRead || inbox.canTake(reader.resumePosition)
  }
  // There may be a command already, and the main thread does not wake the lane for it again.
  private readonly hasRoomOrWork = (): boolean =>
    this.hasWork() || this.deps.ring.turnsAhead() < TURNS_AHEAD_MAX

  constructor(deps: LaneLoopDeps) {
    this.deps = deps
  }

  /** Works until told to stop. */
  run(): void {
    const { control, counters } = this.deps
    try {
      while (!control.isStopped) this.round()
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
    }
    counters.flush()
  }

  /**
   * Takes commands, reads ticks, prepares a little of a snapshot, and then does what there is to do until the next
   * reading.
   */
  private round(): void {
    const { clock, heartbeats, inbox, reader, schedule, transfers } = this.deps
    const hasTaken = inbox.take(reader.resumePosition, reader.place)
    const hasRead = reader.readRecords() || hasTaken
    const hasPrepared = transfers.prepare()
    if (schedule.nextMs < Number.POSITIVE_INFINITY) schedule.endIntervals(clock.nowMs())
    if (heartbeats.nextMs < Number.POSITIVE_INFINITY) heartbeats.endIntervals(clock.nowMs())
    let step: Step = this.nextStep(hasRead, false, false)
    const hasReplied = step === PROMPT_TURN
    if (hasReplied) {
      this.publishPromptTurn()
      step = this.nextStep(hasRead, true, false)
    }
    if (step === PACED_TURN) {
      this.publishPacedTurn()
      return
    }
    if (step === COMMIT) {
      this.commitEmptyTurn()
      step = this.nextStep(hasRead, hasReplied, true)
    }
    if (step !== READ && !hasPrepared) this.rest(step)
  }

  private nextStep(hasRead: boolean, hasReplied: boolean, hasCommitted: boolean): Step {
    return nextStep({
      hasRead,
      hasReplied,
      hasCommitted,
      canReplyPromptly: this.canReplyPromptly(),
      hasTurn: this.hasTurn(),
      turnsAhead: this.deps.ring.turnsAhead(),
    })
  }

  private hasTurn(): boolean {
    const { collector, heartbeats, schedule, transfers } = this.deps
    const hasFrames = collector.planned.length > 0 || schedule.flushing.length > 0
    return hasFrames || heartbeats.due.length > 0 || transfers.hasQueued
  }

  /**
   * Whether a prompt turn may hold the next replies. No audience of theirs may have been flushed too often since the
   * last paced turn.
   */
  private canReplyPromptly(): boolean {
    const { transfers } = this.deps
    if (!transfers.nextFitPromptTurn) return false
    for (const audience of transfers.nextAudiences())
      if (audience.spanCount > 0 && !audience.mayFlushPromptly(this.turns)) return false
    return true
  }

  private publishPacedTurn(): void {
    const { clock, collector, composer, counters, wakeUp, groupFlush, reader, ring, sleep } = this.deps
    const { heartbeats, transfers, turnWriter } = this.deps
    composer.beginTurn(clock.epochUs(), clock.aheadUs())
    turnWriter.beginTurn(PACED)
    const { planned } = collector
    const { place } = reader
    for (let index = 0; index < planned.length; index++) turnWriter.write(planned[index]!, place)
    groupFlush.flushAll(place)
    if (heartbeats.due.length > 0) this.writeHeartbeats()
    if (transfers.hasQueued) this.reply()
    turnWriter.endTurn()
    ring.countTurn()
    this.turns++
    counters.values[LANE_SLOTS.turns]! += 1
    collector.clear()
    sleep.countBusy()
    ring.publish()
    // After publishing: descriptors then tell a successor which of the records that it reads again were sent.
    this.commit()
    wakeUp.wakeMain()
  }

  /** Tells the audiences that were sent nothing for long that the stream goes on. */
  private writeHeartbeats(): void {
    const { clock, heartbeats, reader, status, turnWriter } = this.deps
    for (const audience of heartbeats.take(clock.nowMs())) {
      // An earlier lane has told the audience a state that this lane has still to read.
      if (audience.statusNumber > status.number) continue
      turnWriter.writeHeartbeat(audience, reader.place, status.feed)
    }
  }

  /** Replies to some requests. What is written so far goes out before a long reply. */
  private reply(): void {
    const { wakeUp, reader, ring, transfers } = this.deps
    if (transfers.nextTakeLong) {
      ring.publish()
      wakeUp.wakeMain()
    }
    transfers.reply(reader.place)
  }

  /**
   * Replies between two paced turns, and first writes the plans of the audiences that the clients leave and join. The
   * transmitter sends the turn at once: docs/decisions/0004-replies-overtake-frames.md.
   */
  private publishPromptTurn(): void {
    const { clock, collector, composer, wakeUp, reader, ring, transfers, turnWriter } = this.deps
    composer.beginTurn(clock.epochUs(), clock.aheadUs())
    turnWriter.beginTurn(PROMPT)
    for (const audience of transfers.nextAudiences()) {
      if (audience.spanCount === 0) continue
      audience.countPromptFlush(this.turns)
      collector.leaveOut(audience)
      turnWriter.write(audience, reader.place)
    }
    transfers.reply(reader.place)
    turnWriter.endTurn()
    ring.publish()
    wakeUp.wakeMain()
  }

  /** Nothing is collected: empties the turn, and commits all that was read. */
  private commitEmptyTurn(): void {
    this.deps.collector.clear()
    this.commit()
  }

  /** Requests that are queued do not hinder a commit: the main thread sends them to a successor again. */
  private commit(): void {
    const { commit, reader } = this.deps
    commit.commit(reader.resumePosition, reader.place)
  }

  private rest(step: Step): void {
    const { clock, heartbeats, schedule, sleep } = this.deps
    const nextMs = Math.min(schedule.nextMs, heartbeats.nextMs)
    if (step === SLEEP_FOR_ROOM) sleep.sleep(this.hasRoomOrWork, ASLEEP_FOR_ROOM)
    else sleep.sleep(this.hasWork, ASLEEP, nextMs - clock.nowMs() + DUE_SLACK_MS)
  }
}
