/**
 * Ticks as a Node developer decodes them: protobufjs, objects with named fields, 64-bit numbers as plain numbers.
 */
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import type { TickJson } from '../../src/protocol/messages.js'

const PROTO = new URL('../../../proto/ringcast.proto', import.meta.url)
const { root } = protobuf.parse(readFileSync(PROTO, 'utf8'))
const tickType = root.lookupType('ringcast.v1.Tick')
const batchType = root.lookupType('ringcast.v1.TickBatch')

export interface DecodedTick {
  readonly symbol: string
  readonly kind: number
  readonly sequence: { toNumber(): number } | number
  readonly sourceTimeNs: { toString(): string } | number
  readonly bid: number
  readonly bidSize: number
  readonly ask: number
  readonly askSize: number
  readonly last: number
  readonly lastSize: number
}

export function decodeTick(bytes: Uint8Array): DecodedTick {
  return tickType.decode(bytes) as unknown as DecodedTick
}

export function decodeTicks(bytes: Uint8Array): readonly DecodedTick[] {
  return (batchType.decode(bytes) as unknown as { ticks: DecodedTick[] }).ticks
}

/** The object whose JSON a client of Ringcast receives. */
export function tickJson(tick: DecodedTick): TickJson {
  const sequence = typeof tick.sequence === 'number' ? tick.sequence : tick.sequence.toNumber()
  const time = Number(BigInt(tick.sourceTimeNs.toString()) / 1000n)
  if (tick.kind === 1) {
    const { symbol, bid, bidSize, ask, askSize } = tick
    return { symbol, kind: 'quote', sequence, time, bid, bidSize, ask, askSize }
  }
  const { symbol, last, lastSize } = tick
  return { symbol, kind: 'trade', sequence, time, last, lastSize }
}
