/**
 * What a client is told when it joins an audience: that it is subscribed, or what it missed. One lane's own.
 */
import type { JoinCommand, Progress } from '../src/protocol/lane-commands.js'
import { type GapMessage, messageText, type SubscribedMessage } from '../src/protocol/messages.js'
import { frameHeaderBytes, writeTextFrameHeader } from '../src/protocol/websocket-frame.js'
import type { LaneAudience } from './lane-audience.js'

const encoder = new TextEncoder()

/** The frames that answer `join`; what `audience` publishes from here on follows them without a seam. */
export function joinAnswer(join: JoinCommand, audience: LaneAudience, epoch: string): Uint8Array {
  const messages =
    join.fellBehindAt === null ? [subscribed(join, audience, epoch)] : gapsSince(join.fellBehindAt, audience)
  return textFrames(messages.map(messageText))
}

function subscribed(join: JoinCommand, audience: LaneAudience, epoch: string): SubscribedMessage {
  return {
    type: 'subscribed',
    symbols: audience.spec.symbols ?? ['*'],
    client: join.name,
    epoch,
    offset: audience.sentOffset,
    seq: audience.seq,
    delivery: 'every',
    batch: audience.spec.batch,
  }
}

/** The ticks it was too slow for, and the losses that were told to the others meanwhile. */
function gapsSince(behind: Progress, audience: LaneAudience): GapMessage[] {
  const now = audience.progress
  const from = behind.lastOffset + 1
  const { seq } = audience
  const gaps: GapMessage[] = [
    {
      type: 'gap',
      reason: 'slow',
      from,
      to: now.lastOffset,
      missed: now.ticksTotal - behind.ticksTotal,
      seq,
    },
  ]
  const lost = now.lostTotal - behind.lostTotal
  if (now.unknownLosses > behind.unknownLosses) {
    gaps.push({ type: 'gap', reason: 'upstream', from, to: now.lastOffset, missed: null, seq })
  } else if (lost > 0) {
    gaps.push({ type: 'gap', reason: 'upstream', from, to: now.lastOffset, missed: lost, seq })
  }
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
