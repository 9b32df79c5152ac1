/**
 * A feed that breaks its contract when its parent requests an attack. Else it is like the feed of bench:fanout: steady
 * ticks, at the rate that its parent requests. Arguments: an address, which is not used, and the number of symbols.
 * Reports its address.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/common/clock.js'
import { QUOTE } from '../../src/ticks/market-tick.js'
import { ScriptedFeed } from '../../test/support/scripted-feed.js'
import { symbolName } from '../processes/steady-ticks.js'
import type { AttackReport } from './attack.js'

const WILD_POSITION = 2 ** 52
const EPOCH = 'wild'
const BEAT_MS = 2

const [, symbolsText] = process.argv.slice(2)
const symbols = Array.from({ length: Number(symbolsText) }, (_, index) => symbolName(index))
const feed = new ScriptedFeed()
let made = 0
let position = 0
let opened = 0
let ratePerMs = 0
let rateSinceMs = 0
let sentSince = 0

function sendSome(count: number, positionOf: () => number): void {
  const sourceTimeNs = BigInt(systemClock.epochUs()) * 1000n
  const ticks = Array.from({ length: count }, () => {
    const index = made++
    const sequence = 1 + Math.floor(index / symbols.length)
    const prices = { bid: 10, bidSize: 1, ask: 11, askSize: 2 }
    const symbol = symbols[index % symbols.length]!
    return { symbol, kind: QUOTE, sequence, sourceTimeNs, ...prices, position: positionOf() }
  })
  for (; opened < feed.calls.length; opened++) feed.calls[opened]!.open(EPOCH)
  const call = feed.calls.at(-1)
  if (count > 0 && call !== undefined && !call.stream.closed) call.send(ticks)
}

function setRate(rate: number): void {
  ratePerMs = rate / 1000
  rateSinceMs = performance.now()
  sentSince = 0
}

async function attack(seconds: number): Promise<AttackReport> {
  await sleep((seconds * 1000) / 3)
  sendSome(1, () => WILD_POSITION)
  await sleep((seconds * 1000) / 3)
  position = 0
  await sleep((seconds * 1000) / 3)
  return { done: `one tick at position ${WILD_POSITION}, then again from position 1`, violations: [] }
}

setInterval(() => {
  const due = Math.floor((performance.now() - rateSinceMs) * ratePerMs) - sentSince
  sentSince += due
  sendSome(due, () => ++position)
}, BEAT_MS)

interface Question {
  readonly id: number
  readonly ask: 'rate' | 'count' | 'attack'
  readonly rate: number
  readonly seconds: number
}

process.on('message', async ({ id, ask, rate, seconds }: Question) => {
  if (ask === 'rate') setRate(rate)
  process.send?.({ id, answer: ask === 'attack' ? await attack(seconds) : made })
})
// This process ends with its parent.
process.on('disconnect', () => process.exit())
await feed.start()
process.stdout.write(`${JSON.stringify({ address: feed.target })}\n`)
