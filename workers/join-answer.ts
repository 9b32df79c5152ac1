/**
 * What a client is told when it joins an audience: what it missed, and that its commands are done. One lane's own.
 */
import type { CommandAnswer, JoinCommand, Progress } from '../src/protocol/lane-commands.js'
import { type ControlMessage, type GapMessage, messageText } from '../src/protocol/messages.js'
import { frameHeaderBytes, writeTextFrameHeader } from '../src/protocol/websocket-frame.js'
import type { LaneAudience } from './lane-audience.js'

const encoder = new TextEncoder()

/** The frames that answer `join`; what `audience` publishes from here on follows them without a seam. */
export function joinAnswer(join: JoinCommand, audience: LaneAudience, epoch: string): Uint8Array {
  const messages: ControlMessage[] = join.fellBehindAt === null ? [] : gapsSince(join.fellBehindAt, audience)
  for (const answer of join.answers) messages.push(answerMessage(answer, join, audience, epoch))
  return textFrames(messages.map(messageText))
}

function answerMessage(
  answer: CommandAnswer,
  join: JoinCommand,
  audience: LaneAudience,
  epoch: string,
): ControlMessage {
  const place = {
    client: join.name,
    epoch,
    offset: audience.sentOffset,
    seq: audience.seq,
    batch: audience.spec.batch,
  }
  if (answer.type === 'unsubscribed') return { ...answer, ...place }
  const { snapshot: _, delivery, interval, ...rest } = answer
  return { ...rest, ...place, delivery, ...(interval === undefined ? {} : { interval }) }
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

function textFrames(texts: readonly string[]): Uint8Array {
  const payloads = texts.map(text => encoder.encode(text))
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
