/**
 * Takes clients through their replays, part by part: out of the tick log by their lane, and out of the source before that.
 * Main thread.
 */
import type { GoodbyeReply, ReplayPosition } from '../lane-protocol/lane-commands.js'
import type { NamedOffset } from '../ticks/stream-history.js'
import type { Audience } from './audience.js'
import type { Recipient } from './recipient.js'
import { ReplayQueue } from './replay-queue.js'

/** What clients get of the past that has left the tick log. */
export interface PastClients {
  /** Whether the source may be asked for what a client misses. */
  canRead(recipient: Recipient): boolean
  /** The client wants a replay that begins in the past. `Membership.startFound` is told where. */
  seek(recipient: Recipient): void
  /** The client is in the past, and has room for the next part. */
  read(recipient: Recipient): void
  /** The lane has told that the tick log does not hold what follows. */
  gone(recipient: Recipient): void
  /** Sends a client away that is in the past. The part of its replay that is on its way is dropped. */
  sayGoodbye(recipient: Recipient, goodbye: GoodbyeReply): void
  /** The client needs nothing of the past any more. Safe to call twice. */
  leave(recipient: Recipient): void
  /** The place of a serial number as clients name it; undefined: nobody knows it any more. */
  placeOf(serial: number): NamedOffset | undefined
}

/** What a client is charged for each tick that a lane reads again for a command of the client: about 0.4 µs. */
const WORK_PER_TICK_READ = 1

export class Replays {
  private readonly queue: ReplayQueue
  private readonly past: PastClients

  /** @param send asks the client's lane for the next part */
  constructor(laneCount: number, send: (recipient: Recipient) => void, past: PastClients) {
    this.queue = new ReplayQueue(laneCount, send)
    this.past = past
  }

  /** The client has a request in flight with a replay, and was given no part of the replay. @returns false when it has not */
  begin(recipient: Recipient): boolean {
    const { inFlight, needsReplay, sought } = recipient.transfer
    if (sought !== undefined) this.past.seek(recipient)
    else if (needsReplay) this.queue.enter(recipient, inFlight!.audience.lane)
    else return false
    return true
  }

  /** The client has taken what it was given of its replay. */
  goOn(recipient: Recipient, lane: number): void {
    const { begun, goodbye, isReplayOfChange } = recipient.transfer
    if (begun?.past === undefined) this.queue.enter(recipient, lane)
    // A replay of the past may take minutes.
    else if (goodbye !== undefined && !isReplayOfChange) this.past.sayGoodbye(recipient, goodbye)
    else this.past.read(recipient)
  }

  /** The lane has given the client a part of its replay. @param left the audience that the client was in until now */
  movedTo(recipient: Recipient, position: ReplayPosition, left: Audience | undefined): void {
    const { past, queue } = this
    const { transfer } = recipient
    const at = left && past.placeOf(position.reached)
    const ticksRead = transfer.replayedTo(position, left && { audience: left, at })
    if (transfer.begun?.past === undefined) past.leave(recipient)
    if (transfer.isReplayOfChange) recipient.replyWork += ticksRead * WORK_PER_TICK_READ
    queue.leave(recipient, transfer.inFlight!.audience.lane)
  }

  /** The tick log does not hold the rest of the replay: the source is asked for it. */
  gone(recipient: Recipient): void {
    this.past.gone(recipient)
    this.queue.leave(recipient, recipient.transfer.inFlight!.audience.lane)
  }

  /** The request of the client is taken back, and is sent again later. */
  takenBack(recipient: Recipient, lane: number): void {
    this.queue.leave(recipient, lane)
  }

  /** The client is in no replay any more. Safe to call twice. @param lane undefined: it had no request in flight */
  leave(recipient: Recipient, lane: number | undefined): void {
    if (lane !== undefined) this.queue.leave(recipient, lane)
    this.past.leave(recipient)
  }
}
