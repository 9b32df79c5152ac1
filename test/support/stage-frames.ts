/**
 * What a lane in a test publishes, read out of its frame ring as the main thread does.
 */
import type { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import { AUDIENCE_FRAMES, REPLY, TURN_BEGIN, TURN_END } from '../../src/memory/frame-descriptor.js'
import type { AnyDescriptor, FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import type { ReplyDescriptor } from '../../src/memory/reply-descriptor.js'
import { PROMPT } from '../../src/memory/turn-descriptor.js'
import { framesOf, frameText } from './frames.js'
import { binaryMessage, type Message } from './lane-messages.js'
import { StageClients } from './stage-clients.js'

const NO_SEGMENT = -1

export abstract class StageFrames extends StageClients {
  abstract readonly ring: FrameRingReader
  /** Of the lane. */
  abstract readonly memory: SharedArrayBuffer
  /** All descriptors that were read. */
  readonly published: AnyDescriptor[] = []
  /** Paced turns that were read. */
  turns = 0
  /** Bytes of the largest run of frames so far. */
  framesBytesMax = 0
  private segment = NO_SEGMENT
  private isInPromptTurn = false

  /** Reads all that was published. @returns whether there was anything */
  drain(): boolean {
    let isThere = false
    for (let next = this.ring.next(); next !== undefined; next = this.ring.next()) {
      isThere = true
      const descriptor = Object.assign(
        Object.create(Object.getPrototypeOf(next) as object),
        next,
      ) as AnyDescriptor
      this.published.push(descriptor)
      this.take(descriptor)
    }
    this.ring.release()
    return isThere
  }

  /** The records that the lane has published. */
  get records(): AudienceDescriptor[] {
    return this.published.flatMap(each => (each.kind === AUDIENCE_FRAMES && each.length > 0 ? [each] : []))
  }

  /** The parts of replies that the lane has published. */
  get replies(): ReplyDescriptor[] {
    return this.published.flatMap(each => (each.kind === REPLY ? [each] : []))
  }

  private take(descriptor: AnyDescriptor): void {
    const { kind, length, segment, start } = descriptor
    if (kind === TURN_END) {
      if (!this.isInPromptTurn) {
        this.turns++
        this.ring.turnConsumed()
      }
      this.isInPromptTurn = false
      return
    }
    if (kind === TURN_BEGIN) {
      this.isInPromptTurn = descriptor.pace === PROMPT
      return
    }
    const windowBits = kind === AUDIENCE_FRAMES ? this.audiences.get(descriptor.audience)?.spec.windowBits : 0
    const messages = framesOf(new Uint8Array(this.memory, start, length)).map(frame =>
      frame.first === 0x82
        ? binaryMessage(frame.payload)
        : (JSON.parse(frameText(frame, windowBits)) as Message),
    )
    this.framesBytesMax = Math.max(this.framesBytesMax, length)
    if (kind === AUDIENCE_FRAMES) this.takeFrames(descriptor, messages)
    else this.takeReply(descriptor, messages)
    if (length === 0 || segment === this.segment) return
    if (this.segment !== NO_SEGMENT) this.ring.giveBack(this.segment)
    this.segment = segment
  }

  /** The lane's thread has ended, and all that it published was read. */
  protected resetFrames(): void {
    this.segment = NO_SEGMENT
    this.isInPromptTurn = false
    this.ring.resetAfterLane(new Set())
  }
}
