/**
 * Gives clients ticks that have left the tick log, out of the source. Main thread.
 * See docs/decisions/0063-the-past-is-read-by-a-thread-of-its-own.md.
 *
 *   state      by                       next state of a reading
 *   WAITING    a reader is free         OPENING
 *   OPENING    opened                   OPEN
 *   OPEN       the client has room      READING
 *   READING    a part was given         OPEN; AHEAD: the stream ends, and the tick log does not have the place
 *   AHEAD      a moment has passed      READING
 *   any        others wait for long     WAITING
 *   any        the log has what follows none: the lane goes on
 *   any        nobody has what follows  none: the lane ends the replay with a gap
 */
import type { Clock } from '../common/clock.js'
import type { FromHistory, PastPart, PastPlace, WantedPast } from '../lane-protocol/history-messages.js'
import type { FoundPlace, GoodbyeReply, NamedPlace } from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { textFrames } from '../protocol/text-frames.js'
import type { HistoryPoint, NamedOffset } from '../ticks/stream-history.js'
import type { Membership } from './membership.js'
import {
  AHEAD,
  OPEN,
  type PastReading,
  PastReadings,
  type PastReadingsDeps,
  READING,
} from './past-readings.js'
import type { Recipient } from './recipient.js'
import type { PastClients } from './replays.js'

/** What of the stream is in the tick log. */
export interface PresentStream {
  find(epochName: string, offset: number): FoundPlace
  /** The name of an epoch; undefined: nobody knows it any more. */
  nameOf(epoch: number): string | undefined
  /** The number of the present epoch if it has this name. */
  numberOf(epochName: string): number | undefined
  /** The place of a serial number as clients name it; undefined: nobody knows it any more. */
  placeOf(serial: number): NamedOffset | undefined
  /** Whether the tick log holds what follows. */
  holds(place: NamedPlace): boolean
  /** Whether it will for as long as a lane takes to read that. */
  holdsLong(place: NamedPlace): boolean
  /** Of the newest tick or loss. */
  readonly serial: number
}

export interface PastTransfersDeps extends Omit<PastReadingsDeps, 'pointOf'> {
  readonly stream: PresentStream
  /** Whether there is a source that can be asked. */
  readonly isAvailable: () => boolean
  /** Whether the source has no time to lose for what the tick log has, too. */
  readonly isSpared: () => boolean
  readonly membership: Pick<Membership, 'leave' | 'sendNext' | 'startFound'>
  /** Writes frames to the client. @returns false when its connection is ending */
  readonly give: (recipient: Recipient, part: Pick<PastPart, 'frames' | 'messages' | 'ticks'>) => boolean
  readonly goodbyeGiven: (recipient: Recipient) => void
  readonly clock: Pick<Clock, 'after' | 'nowMs'>
  readonly counters: Pick<CounterWriter, 'values'>
}

/** The lane takes over so many ticks before the end of the stream: it reads as many in eight turns. */
const NEAR_TICKS = 8_192
/** Parts after which a client lets others read that wait. */
const PARTS_AT_ONCE = 16
/** How often a client that is at the end of the stream looks for more. */
const AHEAD_PERIOD_MS = 50
/** A reading that gets nowhere for so long has failed. A resume waits as long for the gateway. */
const NO_PROGRESS_MS_MAX = 5_000
const RETRY_MS = 500
/** The work of a tick that is read, see docs/limits.md. */
const WORK_PER_TICK = 1

export class PastTransfers implements PastClients {
  private readonly deps: PastTransfersDeps
  private readonly readings: PastReadings

  constructor(deps: PastTransfersDeps) {
    this.deps = deps
    this.readings = new PastReadings({ ...deps, pointOf })
  }

  /** Whether one more client may wait. */
  get hasRoom(): boolean {
    return this.readings.hasRoom
  }

  canRead(recipient: Recipient): boolean {
    const { transfer } = recipient
    const { isAvailable, isSpared } = this.deps
    if (!isAvailable() || !transfer.mayAskSource) return false
    return !isSpared() || this.hasRoom || this.readings.get(recipient) !== undefined
  }

  seek(recipient: Recipient): void {
    if (this.readings.get(recipient) === undefined) this.begin(recipient)
  }

  read(recipient: Recipient): void {
    const reading = this.readings.get(recipient) ?? this.begin(recipient)
    if (reading === undefined) return
    if (!reading.wantsPart) reading.progressMs = this.deps.clock.nowMs()
    reading.wantsPart = true
    if (reading.state === OPEN) this.askForPart(reading)
  }

  gone({ transfer }: Recipient): void {
    const { stream } = this.deps
    const { epoch, offset, serial } = transfer.begun!.position
    const epochName = stream.nameOf(epoch)
    const place = epochName === undefined ? 'gone' : stream.find(epochName, offset)
    const losses = typeof place === 'object' ? Math.max(0, serial - place.serial) : 0
    transfer.gone({ epoch: epochName ?? '', offset, losses })
    if (epochName === undefined) transfer.pastLost(epoch)
  }

  placeOf(serial: number): NamedOffset | undefined {
    return this.deps.stream.placeOf(serial)
  }

  sayGoodbye(recipient: Recipient, goodbye: GoodbyeReply): void {
    const { give, goodbyeGiven, membership } = this.deps
    const { epoch, offset } = recipient.transfer.begun!.past!
    this.readings.remove(recipient)
    const frames = textFrames([{ ...goodbye, resume: `${epoch}:${offset}` }])
    if (give(recipient, { frames, ticks: 0, messages: 0 })) goodbyeGiven(recipient)
    else membership.leave(recipient)
  }

  leave(recipient: Recipient): void {
    this.readings.remove(recipient)
  }

  /** The thread has sent a message. */
  received(message: FromHistory): void {
    const reading = this.readings.repliedTo(message)
    if (reading === undefined) return
    if (message.type === 'opened') this.opened(reading, message.start)
    else if (message.type === 'part') this.given(reading, message.part)
    else this.retry(reading)
  }

  /** The thread has ended by itself. The places of all clients are known, so another thread goes on. */
  died(): void {
    for (const reading of this.readings.open) this.retry(reading)
  }

  /** The tick log may now have the place of clients that are at the end of the stream. Costs nothing without such. */
  streamMoved(): void {
    if (this.readings.hasNoneOpen) return
    for (const reading of this.readings.open) if (reading.state === AHEAD) this.tryBack(reading, true)
  }

  stop(): void {
    this.readings.stop()
  }

  /** @returns undefined when there is nobody to ask, or too many ask already */
  private begin(recipient: Recipient): PastReading | undefined {
    if (this.canRead(recipient) && this.hasRoom) return this.readings.add(recipient)
    this.fail(recipient)
    return undefined
  }

  private opened(
    reading: PastReading,
    start: { readonly place: NamedOffset; readonly isWhole: boolean } | undefined,
  ): void {
    const { recipient } = reading
    reading.state = OPEN
    if (start === undefined) this.fail(recipient)
    else if (recipient.transfer.sought !== undefined)
      this.deps.membership.startFound(recipient, { past: start.place, isWhole: start.isWhole })
    else if (reading.wantsPart) this.askForPart(reading)
  }

  private askForPart(reading: PastReading): void {
    const { transfer } = reading.recipient
    const { begun, inFlight } = transfer
    if (begun?.past === undefined || inFlight === undefined) return
    const { at, audience } = begun.has ?? {}
    const has: WantedPast['has'] = audience && at && { spec: audience.spec, upTo: at }
    const { losses } = begun.past
    const wanted = reading.hasTold ? undefined : { spec: inFlight.audience.spec, has, losses }
    this.readings.askForPart(reading, begun.position.seq, wanted)
  }

  private given(reading: PastReading, part: PastPart): void {
    const { clock, counters, give, membership } = this.deps
    const { recipient } = reading
    reading.state = OPEN
    reading.parts++
    counters.values[MAIN_SLOTS.historyTicks]! += part.ticksRead
    recipient.replyWork += part.ticksRead * WORK_PER_TICK
    if (part.frames.length > 0 && !give(recipient, part)) {
      membership.leave(recipient)
      return
    }
    recipient.transfer.pastGiven(part)
    if (part.ticksRead > 0) reading.progressMs = clock.nowMs()
    if (this.tryBack(reading, part.isAtEnd)) return
    if (part.isAtEnd && part.ticksRead === 0) {
      this.waitAhead(reading)
      return
    }
    const isLong = reading.parts >= PARTS_AT_ONCE || recipient.isBlocked
    if (isLong && this.readings.areOthersWaiting) this.readings.enqueue(reading)
    membership.sendNext(recipient)
  }

  /**
   * Lets the lane go on where the tick log holds what follows.
   *
   * @param isAtEnd whether the stream holds nothing behind the place. Otherwise the place must be near the end, or far
   *   from where the tick log begins if the source is to be spared
   */
  private tryBack({ recipient }: PastReading, isAtEnd: boolean): boolean {
    const { isSpared, membership, stream } = this.deps
    const { past } = recipient.transfer.begun ?? {}
    const place = past && this.placeInLog(past)
    if (place === undefined) return false
    const isNear = isAtEnd || stream.serial - place.serial <= NEAR_TICKS
    if (isNear ? !stream.holds(place) : !isSpared() || !stream.holdsLong(place)) return false
    recipient.transfer.backInLog(place)
    this.readings.remove(recipient)
    membership.sendNext(recipient)
    return true
  }

  /** undefined: the place is not in the tick log, or not everything there that the client was told. */
  private placeInLog({ epoch, losses, offset }: PastPlace): NamedPlace | undefined {
    const { stream } = this.deps
    const place = stream.find(epoch, offset)
    if (typeof place !== 'object') return undefined
    const serial = place.serial + losses
    return stream.placeOf(serial)?.offset === offset && serial <= stream.serial
      ? { ...place, serial }
      : undefined
  }

  /** The client has all that the stream holds. The tick log is not as far, or counts otherwise. */
  private waitAhead(reading: PastReading): void {
    const { clock } = this.deps
    if (clock.nowMs() - reading.progressMs > NO_PROGRESS_MS_MAX) {
      this.fail(reading.recipient)
      return
    }
    reading.state = AHEAD
    reading.timer = clock.after(AHEAD_PERIOD_MS, () => this.askForPart(reading))
  }

  /** The reading has failed: it is opened again, for a while. */
  private retry(reading: PastReading): void {
    if (this.deps.clock.nowMs() - reading.progressMs > NO_PROGRESS_MS_MAX) {
      this.fail(reading.recipient)
      return
    }
    if (reading.state === READING || reading.state === AHEAD) reading.wantsPart = true
    this.readings.enqueueLater(reading, RETRY_MS)
  }

  /** Nobody has what follows. */
  private fail(recipient: Recipient): void {
    const { membership, stream } = this.deps
    const { transfer } = recipient
    const { past } = transfer.begun ?? {}
    const { sought } = transfer
    this.readings.remove(recipient)
    transfer.pastLost(past && stream.numberOf(past.epoch))
    if (sought !== undefined) membership.startFound(recipient, sought.otherwise)
    else if (past !== undefined) membership.sendNext(recipient)
  }
}

/** While the lane has not replied to the start that was found, there is none: the client asks again behind the reply. */
function pointOf({ transfer }: Recipient): HistoryPoint | undefined {
  const past = transfer.begun?.past
  return past === undefined ? transfer.sought?.sought : { after: past }
}
