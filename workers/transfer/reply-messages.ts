/**
 * What a client is told when it joins an audience: what it missed, and that its commands are done. One lane's own.
 */
import type { JoinCommand, Progress } from '../../src/lane-protocol/lane-commands.js'
import {
  type ControlMessage,
  type GapMessage,
  messageText,
  type SubscribedMessage,
  type UnsubscribedMessage,
} from '../../src/protocol/messages.js'
import { frameHeaderBytes, writeTextFrameHeader } from '../../src/protocol/websocket-frame.js'
import type { LaneAudience } from '../collect/lane-audience.js'

const encoder = new TextEncoder()

export const NO_FRAMES: Uint8Array = new Uint8Array(0)

/** Where in a stream a client is told something. */
interface Place {
  readonly offset: number
  readonly seq: number
}

/** Whether the client goes on in the audience in which it fell behind or waits. Otherwise it leaves that, be it for the same. */
export function isBehind({ answers, fellBehindAt }: JoinCommand): boolean {
  return fellBehindAt !== null && answers.length === 0
}

/** The frames that answer `join`; what `audience` publishes from here on follows them without a seam. */
export function joinAnswer(join: JoinCommand, audience: LaneAudience, epoch: string): Uint8Array {
  const gaps = isBehind(join) ? gapsSince(join.fellBehindAt!, audience) : []
  return textFrames([...gaps, ...answers(join, audience, epoch, placeOf(audience))])
}

/** What a client that waits in `audience` is told when it leaves it: what was lost meanwhile. */
export function lossesSince(behind: Progress, audience: LaneAudience): Uint8Array {
  return textFrames(gapsSince(behind, audience))
}

/** Begins a replay: what follows are the ticks after `place`. */
export function resumedAnswer(
  join: JoinCommand,
  audience: LaneAudience,
  epoch: string,
  place: Place,
): Uint8Array {
  return textFrames(answers(join, audience, epoch, place).map(message => ({ ...message, resumed: true })))
}

/** Ends a replay, behind the snapshot of what is conflated: what `audience` publishes from here on follows without a seam. */
export function liveAnswer(audience: LaneAudience): Uint8Array {
  return textFrames([{ type: 'live', ...placeOf(audience) }])
}

/** Nobody has what the client missed. @param since the last offset of this run that it had; undefined: of another run */
export function notResumedAnswer(
  join: JoinCommand,
  audience: LaneAudience,
  epoch: string,
  since: number | undefined,
): Uint8Array {
  const { offset, seq } = placeOf(audience)
  const first = answers(join, audience, epoch, { offset, seq }).map(message => ({
    ...message,
    resumed: false,
  }))
  const from = (since ?? offset) + 1
  return textFrames([...first, { type: 'gap', reason: 'resume', from, to: offset, missed: null, seq }])
}

/** The rest of what the client missed was written over while it was being sent. */
export function replayBrokenAnswer(audience: LaneAudience, since: number): Uint8Array {
  const { offset, seq } = placeOf(audience)
  return textFrames([{ type: 'gap', reason: 'resume', from: since + 1, to: offset, missed: null, seq }])
}

function placeOf({ sentOffset, seq }: LaneAudience): Place {
  return { offset: sentOffset, seq }
}

function answers(
  join: JoinCommand,
  audience: LaneAudience,
  epoch: string,
  { offset, seq }: Place,
): (SubscribedMessage | UnsubscribedMessage)[] {
  const place = { client: join.name, epoch, offset, seq, batch: audience.spec.batch }
  return join.answers.flatMap(answer => {
    if (answer.type === 'snapshot') return []
    // A literal that begins with a spread and goes on would have V8 make a hidden class for each answer: 8 µs, and garbage that only a
    // full collection finds.
    if (answer.type === 'unsubscribed') {
      const { type, ...rest } = answer
      return { type, ...rest, ...place }
    }
    const { type, snapshot: _, delivery, interval, ...rest } = answer
    return { type, ...rest, ...place, delivery, ...(interval === undefined ? {} : { interval }) }
  })
}

/** The ticks it was too slow for, and the losses that were told to the others meanwhile. */
function gapsSince(behind: Progress, audience: LaneAudience): GapMessage[] {
  const now = audience.progress
  const { seq } = audience
  const place = { type: 'gap', from: behind.lastOffset + 1, to: now.lastOffset, seq } as const
  const gaps: GapMessage[] = []
  const missed = now.ticksTotal - behind.ticksTotal
  // Whoever wants the latest ticks only has missed none: they follow.
  if (missed > 0) gaps.push({ ...place, reason: 'slow', missed })
  const lost = now.lostTotal - behind.lostTotal
  if (now.unknownLosses > behind.unknownLosses) gaps.push({ ...place, reason: 'upstream', missed: null })
  else if (lost > 0) gaps.push({ ...place, reason: 'upstream', missed: lost })
  return gaps
}

/** One behind the other. */
export function joinFrames(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function textFrames(messages: readonly ControlMessage[]): Uint8Array {
  const payloads = messages.map(message => encoder.encode(messageText(message)))
  const bytes = new Uint8Array(
    payloads.reduce((sum, { length }) => sum + frameHeaderBytes(length) + length, 0),
  )
  let at = 0
  for (const payload of payloads) {
    at = writeTextFrameHeader(bytes, at, payload.length)
    bytes.set(payload, at)
    at += payload.length
  }
  return bytes
}
