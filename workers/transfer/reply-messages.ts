/**
 * Writes the text messages that reply to a client's commands, and the gaps that it has to be told with them. Pure.
 */
import { goodbyeOf, type JoinCommand, type ReplayPosition } from '../../src/lane-protocol/lane-commands.js'
import type { StreamEpoch } from '../../src/lane-protocol/stream-events.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { GapMessage, SubscribedMessage, UnsubscribedMessage } from '../../src/protocol/messages.js'
import { textFrames } from '../../src/protocol/text-frames.js'
import type { AudienceProgress, LaneAudience } from '../collect/lane-audience.js'
import { NO_BYTES } from './client-frames.js'

/** The place in a stream of messages at which a client is told something. */
interface MessagePlace {
  readonly offset: number
  readonly seq: number
}

/** Whether the client goes on in the audience in which it fell behind or waits. Otherwise it leaves that audience. */
export function isBehind({ replies, fellBehindAt }: JoinCommand): boolean {
  return fellBehindAt !== null && replies.length === 0
}

/** Replies to `join`. The next frames of `audience` follow directly. @param epoch in which the audience is */
export function joinReply(join: JoinCommand, audience: LaneAudience, epoch: StreamEpoch): Uint8Array {
  const gaps = isBehind(join) ? gapsSince(join.fellBehindAt!, audience, epoch) : []
  return textFrames([...gaps, ...commandReplies(join, audience, epoch.name, placeOf(audience))])
}

/** Tells a client that waits in `audience`, and leaves it, the ticks that were lost meanwhile. */
export function lossesSince(
  behind: AudienceProgress,
  audience: LaneAudience,
  epoch: StreamEpoch,
): Uint8Array {
  return textFrames(gapsSince(behind, audience, epoch))
}

/** The last message of a client that leaves; no bytes for a client that stays. */
export function goodbyeFrame({ replies }: JoinCommand, audience: LaneAudience, epoch: string): Uint8Array {
  const goodbye = goodbyeOf(replies)
  if (goodbye === undefined) return NO_BYTES
  return textFrames([{ ...goodbye, resume: `${epoch}:${audience.sentOffset}` }])
}

/**
 * Begins a replay: the ticks after `place` follow.
 *
 * @param epochName of the place
 * @param reached the client has all ticks of its other subscriptions up to this offset; undefined: it has none
 * @param isWhole false: the client wants ticks before `place`, too, and nobody has them
 */
export function resumedReply(
  join: JoinCommand,
  audience: LaneAudience,
  epochName: string,
  place: MessagePlace,
  reached: number | undefined,
  isWhole: boolean,
): Uint8Array {
  const { offset, seq } = place
  const end = { resumed: true, ...(reached === undefined ? {} : { reached }) }
  const replies = commandReplies(join, audience, epochName, place).map(message => ({ ...message, ...end }))
  return textFrames(isWhole ? replies : [...replies, resumeGap(offset + 1, { offset, seq })])
}

/** Ends a replay, behind the snapshot of the conflated ticks. The next frames of `audience` follow directly. */
export function liveReply(audience: LaneAudience, { offset, start, ticks }: ReplayPosition): Uint8Array {
  return textFrames([
    { type: 'live', ...placeOf(audience), replayed: { from: start + 1, to: offset, ticks } },
  ])
}

/** Names the epoch in which `audience` is to a client that has known another one. @param seq of its last message */
export function epochGap(audience: LaneAudience, epoch: StreamEpoch, seq: number): Uint8Array {
  const place = { from: audience.sentOffset + 1, to: audience.sentOffset, offset: audience.sentOffset }
  return textFrames([{ type: 'gap', reason: 'upstream', ...place, missed: null, epoch: epoch.name, seq }])
}

/**
 * Replies that the missed ticks are gone.
 *
 * @param since the last place of a known epoch that the client has; undefined: none
 */
export function notResumedReply(
  join: JoinCommand,
  audience: LaneAudience,
  epoch: StreamEpoch,
  since: StreamPlace | undefined,
): Uint8Array {
  const place = placeOf(audience)
  const replies = commandReplies(join, audience, epoch.name, place).map(message => ({
    ...message,
    resumed: false,
  }))
  return textFrames([...replies, resumeGap(fromAfter(since, audience), place)])
}

/** Tells that the writer has overwritten the rest of the replay. @param since the last place that the client has */
export function replayBrokenReply(
  audience: LaneAudience,
  epoch: StreamEpoch,
  since: StreamPlace,
): Uint8Array {
  const gap = resumeGap(fromAfter(since, audience), placeOf(audience))
  const begun = { epoch: epoch.name, offset: audience.sentOffset }
  return textFrames([epoch.number === since.epoch ? gap : { ...gap, ...begun }])
}

function resumeGap(from: number, { offset, seq }: MessagePlace): GapMessage {
  return { type: 'gap', reason: 'resume', from, to: offset, missed: null, seq }
}

/** The offset at which a gap since a place begins: of another epoch, nothing has an offset in the present one. */
function fromAfter(since: StreamPlace | undefined, { sentEpoch, sentOffset }: LaneAudience): number {
  return (since?.epoch === sentEpoch ? since.offset : sentOffset) + 1
}

function placeOf({ sentOffset, seq }: LaneAudience): MessagePlace {
  return { offset: sentOffset, seq }
}

function commandReplies(
  join: JoinCommand,
  audience: LaneAudience,
  epoch: string,
  { offset, seq }: MessagePlace,
): (SubscribedMessage | UnsubscribedMessage)[] {
  const place = { client: join.name, epoch, offset, seq, batch: audience.spec.batch }
  return join.replies.flatMap(reply => {
    if (reply.type === 'snapshot' || reply.type === 'goodbye') return []
    // The type stands first: for a literal that begins with a spread V8 makes a new hidden class each time. That costs
    // 8 µs, and garbage that only a full collection finds.
    if (reply.type === 'unsubscribed') {
      const { type, ...rest } = reply
      return { type, ...rest, ...place }
    }
    const { type, snapshot: _, delivery, interval, ...rest } = reply
    return { type, ...rest, ...place, delivery, ...(interval === undefined ? {} : { interval }) }
  })
}

/** The ticks that the client was too slow for, and the losses that the other members were told meanwhile. */
function gapsSince(behind: AudienceProgress, audience: LaneAudience, epoch: StreamEpoch): GapMessage[] {
  const now = audience.progress
  const { seq } = audience
  const place = { type: 'gap', from: fromAfter(behind, audience), to: now.offset, seq } as const
  const gaps: GapMessage[] = []
  const missed = now.ticksTotal - behind.ticksTotal
  const lost = now.lostTotal - behind.lostTotal
  // Conflated ticks do not count as missed: the latest ones follow.
  if (missed > 0) gaps.push({ ...place, reason: 'slow', missed })
  if (now.epoch !== behind.epoch)
    // First of all: the offsets of the other gap belong to this epoch.
    gaps.unshift({ ...place, reason: 'upstream', missed: null, epoch: epoch.name, offset: now.offset })
  else if (now.unknownLosses > behind.unknownLosses) gaps.push({ ...place, reason: 'upstream', missed: null })
  else if (lost > 0) gaps.push({ ...place, reason: 'upstream', missed: lost })
  return gaps
}
