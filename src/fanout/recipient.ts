/**
 * One client as the transmitter sees it: a socket and a cursor. Main thread.
 * A recipient is behind when it was to be given some record of its audience and was not; `nextRecord` is then the first such.
 */
import type { Duplex } from 'node:stream'
import { bytesHandedTo, bytesQueuedIn, descriptorOf, inodeOf } from '../common/socket-handle.js'
import type { CommandAnswer, Progress, RESUME_GONE, ReplayPosition } from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'
import { NO_RECORD, type RetainedFrames } from './retained-frames.js'

/** To join an audience, and what commands of the client are answered by that. */
export interface AudienceRequest {
  readonly audience: Audience
  readonly answers: CommandAnswer[]
  /** What the answers take at the most. */
  answerBytes: number
  /** When the first of the commands came, µs; 0: nobody has asked. */
  sinceUs: number
  /** Whether the lane has answered once, and too early. */
  wasDeferred: boolean
}

/** Where a client comes in: how far the audience is that it joins, and whether it waits there, see JOINED. */
export interface JoinPlace {
  readonly progress: Progress
  readonly waits: boolean
}

/** How far behind a client may be before what it has not got is told as a gap. */
export interface LagLimits {
  readonly lagBytesMax: number
  /** Ticks older than this are not sent, ms. */
  readonly ageMsMax: number
}

export const NO_LIMITS: LagLimits = { lagBytesMax: Infinity, ageMsMax: Infinity }

export class Recipient {
  readonly id: number
  /** Public and unique among all processes. */
  readonly name: string
  readonly socket: Duplex
  /** Of the socket, see socket-handle.ts. */
  readonly descriptor: number
  readonly limits: LagLimits
  /** The audience it has joined. */
  audience: Audience | undefined
  /** What the lane was asked for and has not answered. */
  asked: AudienceRequest | undefined
  /** What is to be asked for next. */
  wanted: AudienceRequest | undefined
  /** The audience whose frames it gets: its own, or none when it has fallen out of the window and waits to be told. */
  receiving: Audience | undefined
  /** Number of its last request to join; an answer to an earlier one is not for it any more. */
  join = 0
  /** Number of the last request whose answer it was given, or the first part of it. */
  answered = 0
  /** Where it is after the first part of an answer, should the rest not come: in, or so far with its replay. */
  halfWay: JoinPlace | ReplayPosition | undefined
  /** The first record it has not got, or NO_RECORD while it has all. */
  nextRecord = NO_RECORD
  /** The last record of the audience that it is not to be given any more: it has got it, or was not in then. */
  lastGiven = NO_RECORD
  /** How far the replay of what it missed while it was away is, from the connection until it has joined. */
  replay: ReplayPosition | typeof RESUME_GONE | undefined
  /** The audience that it has joined without getting its frames yet: it is to ask anew when that has been sent the next. */
  waitsIn: Audience | undefined
  /** How far it has been served, while it is behind or waits. */
  progress: Progress | undefined
  /** When the kernel last refused to take all, ms; 0 while nothing is in flight. */
  blockedSinceMs = 0
  /** What the kernel has taken past the stream, bytes. */
  directBytes = 0
  /** Length of all replies of its lane: snapshots and replays are charged to the client. */
  replyBytes = 0
  /** How often it was looked at how much it has taken, since it was blocked, or pinged while it was not. */
  looks = 0
  /** How much it had taken at the last look. */
  takenBytes = 0
  /** At which look it was last seen to have taken something since the one before, ms. */
  takenMs = 0
  /** Segments whose bytes its socket still holds. */
  readonly pins: { readonly window: RetainedFrames; readonly segment: number }[] = []
  /** Set once, when its socket is done with. */
  hasLeft = false
  private knownInode: number | undefined

  constructor(id: number, name: string, socket: Duplex, limits: LagLimits = NO_LIMITS) {
    this.id = id
    this.name = name
    this.socket = socket
    this.descriptor = descriptorOf(socket)
    this.limits = limits
  }

  /** By which number the system knows its connection. */
  get inode(): number {
    this.knownInode ??= inodeOf(this.socket)
    return this.knownInode
  }

  /** All that its connection was given, bytes. */
  get givenBytes(): number {
    return this.directBytes + bytesHandedTo(this.socket)
  }

  /** Since when it has been blocked and taken nothing, as far as that is known. */
  get stuckSinceMs(): number {
    return Math.max(this.blockedSinceMs, this.takenMs)
  }

  /** Looks at how much it has taken. @param untakenBytes what the kernel holds of it */
  look(untakenBytes: number, nowMs: number): void {
    const takenBytes = this.givenBytes - bytesQueuedIn(this.socket) - untakenBytes
    if (this.looks > 0 && takenBytes > this.takenBytes) this.takenMs = nowMs
    this.takenBytes = takenBytes
    this.looks++
  }

  get isBehind(): boolean {
    return this.nextRecord !== NO_RECORD
  }

  get isBlocked(): boolean {
    return this.blockedSinceMs !== 0
  }
}
