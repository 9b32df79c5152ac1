/** A binary message to clients as the JSON message that it stands for. */
import type { ServerMessage, TickJson } from '../../src/protocol/messages.js'
import { decodeTicksMessage, type Tick } from './proto-messages.js'

const QUOTE = 1

export function binaryMessage(data: Buffer): ServerMessage {
  const { merged, more, offset, seq, snapshot, ticks } = decodeTicksMessage(data)
  const head = { seq: Number(seq), offset: Number(offset), ticks: ticks.map(tickOf) }
  if (snapshot) return { type: 'snapshot', ...head, ...(more ? { more } : {}) }
  return { type: 'ticks', ...head, ...(Number(merged) > 0 ? { merged: Number(merged) } : {}) }
}

function tickOf(tick: Tick): TickJson {
  const { kind, sequence, sourceTimeNs, symbol } = tick
  const head = { symbol, sequence: Number(sequence), time: Number(BigInt(sourceTimeNs) / 1000n) }
  if (kind === QUOTE) {
    const { ask, askSize, bid, bidSize } = tick
    return { ...head, kind: 'quote', bid, bidSize, ask, askSize }
  }
  const { last, lastSize } = tick
  return { ...head, kind: 'trade', last, lastSize }
}
