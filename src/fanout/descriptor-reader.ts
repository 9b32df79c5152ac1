/**
 * Reads what the lanes have published ahead of what is being sent. Main thread.
 * A reply in a prompt turn is for one client. It waits for the frames of that client's audience, and not for those of
 * others: docs/decisions/0004-replies-overtake-frames.md.
 */
import type { AudienceDescriptor } from '../memory/audience-descriptor.js'
import { AUDIENCE_FRAMES, REPLY, TURN_BEGIN, TURN_END } from '../memory/frame-descriptor.js'
import { PROMPT } from '../memory/turn-descriptor.js'
import type { LaneStream } from './lane-stream.js'
import { RecordPass, TURN_BEGUN, TURN_ENDED } from './record-pass.js'
import type { Replies } from './replies.js'

/** Records and marks of one lane that are read ahead, at most. Fewer than are retained: RECORDS_MAX. */
const QUEUE_MAX = 4096

export class DescriptorReader {
  private readonly streams: readonly LaneStream[]
  private readonly replies: Replies

  constructor(streams: readonly LaneStream[], replies: Replies) {
    this.streams = streams
    this.replies = replies
  }

  readAll(): void {
    for (const stream of this.streams) this.read(stream)
  }

  /** Queues records and the marks of paced turns, and gives replies to their clients. */
  read(stream: LaneStream): void {
    const { queue, ring, retained } = stream
    let isAnyRead = false
    while (queue.length < QUEUE_MAX && mayRead(stream)) {
      const descriptor = ring.next()!
      isAnyRead = true
      if (descriptor.length > 0) retained.useSegment(descriptor.segment, stream.firstUnsent)
      switch (descriptor.kind) {
        case AUDIENCE_FRAMES:
          queueRecord(stream, descriptor)
          break
        case REPLY:
          this.replies.take(stream, descriptor)
          break
        case TURN_BEGIN:
          if (descriptor.pace === PROMPT) stream.isInPromptTurn = true
          else queue.push(TURN_BEGUN)
          break
        case TURN_END:
          if (stream.isInPromptTurn) stream.isInPromptTurn = false
          else queue.push(TURN_ENDED)
          break
      }
    }
    if (!isAnyRead) return
    ring.release()
    stream.wakeForRoom()
  }
}

/**
 * Whether the next descriptor, if there is one, may be read now: the reply in a paced turn waits for the records before
 * it.
 */
function mayRead({ isInPromptTurn, queue, ring }: LaneStream): boolean {
  const kind = ring.nextKind()
  if (kind !== REPLY || isInPromptTurn) return kind !== undefined
  return queue.length === 0
}

function queueRecord(stream: LaneStream, descriptor: AudienceDescriptor): void {
  const audience = stream.audiences.get(descriptor.audience)
  // Its last member has left meanwhile.
  if (audience === undefined) return
  const record = stream.retained.add(descriptor, audience.lastRecord, audience.bytesTotal)
  audience.recordRead(record, descriptor.length)
  stream.queue.push(new RecordPass(audience, record))
}
