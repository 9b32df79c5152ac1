/**
 * What a lane tells clients, decoded, and in short.
 */

import type {
  GapMessage,
  HeartbeatMessage,
  SnapshotMessage,
  StatusMessage,
  SubscribedMessage,
  TickJson,
  TicksMessage,
} from '../../src/protocol/messages.js'
import { QUOTE } from '../../src/ticks/market-tick.js'
import { decodeTicksMessage } from './proto-messages.js'

export type Message =
  | TicksMessage
  | SnapshotMessage
  | GapMessage
  | SubscribedMessage
  | StatusMessage
  | HeartbeatMessage

/** As the JSON message that says the same. */
export function binaryMessage(payload: Uint8Array): Message {
  const { merged, more, offset, published, received, seq, snapshot, ticks } = decodeTicksMessage(payload)
  const stamps = {
    ...(published === 0 ? {} : { published: Number(published), received: received.map(Number) }),
  }
  const rest = {
    seq: Number(seq),
    offset: Number(offset),
    ...stamps,
    ticks: ticks.map(
      ({ symbol, kind, sequence }) =>
        // Its fields are not looked at.
        ({
          symbol,
          kind: kind === QUOTE ? 'quote' : 'trade',
          sequence: Number(sequence),
          time: 0,
        }) as TickJson,
    ),
  }
  if (snapshot) return { type: 'snapshot', ...(more ? { more } : {}), ...rest }
  return { type: 'ticks', ...(merged === 0 ? {} : { merged: Number(merged) }), ...rest }
}

/**
 * A stream in short: `A1` for the tick of A with sequence 1, gaps as `reason:from-to:missed`, with `@epoch` if one begins, a status as `feed:reason`.
 * Checks `seq` on the way.
 */
export function streamOf(messages: readonly Message[], seqBefore: number): string[] {
  let seq = seqBefore
  const stream: string[] = []
  for (const message of messages) {
    if (message.type === 'ticks') {
      if (message.seq !== ++seq) throw new Error(`seq ${message.seq} in place of ${seq}`)
      for (const tick of message.ticks) stream.push(`${tick.symbol}${tick.sequence}`)
    } else if (message.type === 'status') stream.push(`${message.feed}:${message.reason}`)
    else {
      if (message.seq !== seq) throw new Error(`${message.type} with seq ${message.seq} in place of ${seq}`)
      if (message.type === 'gap') stream.push(gapText(message))
    }
  }
  return stream
}

/** Of a status of a stage: its reason is `n` and the number. */
export function statusNumber({ reason }: StatusMessage): number {
  return Number(reason!.slice(1))
}

function gapText({ epoch, from, missed, reason, to }: GapMessage): string {
  return `${reason}:${from}-${to}:${missed}${epoch === undefined ? '' : `@${epoch}`}`
}
