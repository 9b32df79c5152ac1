/**
 * Checks what a stage's client was sent against the plain account of what the feed has sent: each tick of `every` once, of `latest`
 * the newest one in place of those it stands for, and no other.
 */
import { expect } from 'vitest'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import type { TickJson } from '../../src/protocol/messages.js'
import { type Message, statusNumber } from './lane-messages.js'
import type { LaneStage, StageTick } from './lane-stage.js'
import type { StageClient, Stay } from './stage-clients.js'

type Delivery = 'every' | 'latest' | undefined

/** Whether the audience gets nothing tick by tick. */
function isConflated({ latest, symbols }: AudienceSpec): boolean {
  return symbols?.length === 0 && latest.length > 0
}

/** What the longest entry says that the symbol is one of. */
export function deliveryOf({ latest, symbols }: AudienceSpec, symbol: string): Delivery {
  if (symbols === null) return 'every'
  const entries = [
    ...symbols.map(entry => ({ entry, delivery: 'every' as const })),
    ...latest.flatMap(part => part.symbols.map(entry => ({ entry, delivery: 'latest' as const }))),
  ]
  const own = entries.filter(({ entry }) => isOneOf(entry, symbol))
  // A name decides before a prefix that is as long.
  own.sort(
    (a, b) =>
      b.entry.length - a.entry.length || Number(a.entry.endsWith('*')) - Number(b.entry.endsWith('*')),
  )
  return own[0]?.delivery
}

function isOneOf(entry: string, symbol: string): boolean {
  return entry.endsWith('*') ? symbol.startsWith(entry.slice(0, -1)) : symbol === entry
}

const keyOf = ({ kind, symbol }: { kind: string; symbol: string }): string => `${symbol} ${kind}`
/** Ticks of a stage have their offset as their sequence. */
const offsetOf = ({ sequence }: TickJson): number => Number(sequence)

/**
 * Checks all stays of a client.
 *
 * @param isFlushed whether all that waited for an interval has been sent
 */
export function checkClient(stage: LaneStage, client: StageClient, isFlushed = true): void {
  for (const [index, stay] of client.stays.entries()) {
    checkAnswer(stage, stay)
    checkWait(stage, stay)
    const isLast = index === client.stays.length - 1
    const next = client.stays[index + 1]
    const isWhole = isLast ? isFlushed && client.isReceiving : next!.fellBehindAt === null
    checkStay(stage, stay, isWhole)
  }
  checkStatuses(stage, client)
}

/** No status comes twice or behind a newer one, and a client that is up to date was told the newest one. */
function checkStatuses(stage: LaneStage, { isReceiving, messages }: StageClient): void {
  const numbers = messages.flatMap(message => (message.type === 'status' ? [statusNumber(message)] : []))
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  if (isReceiving) expect(numbers.at(-1) ?? 0).toBe(stage.statusCount)
}

/** The snapshot has the newest of each symbol and kind that was asked for or missed and is in the audience, and no other; a gap has their number. */
function checkAnswer(stage: LaneStage, { answer, fellBehindAt, from, isCut, snapshotOf, spec }: Stay): void {
  const newest = new Map<string, StageTick>()
  for (const tick of stage.ticks) if (tick.offset <= from) newest.set(keyOf(tick), tick)
  const wanted = [...newest.values()].filter(({ serial, symbol }) => {
    const delivery = deliveryOf(spec, symbol)
    if (delivery === undefined) return false
    if (snapshotOf?.some(entry => isOneOf(entry, symbol))) return true
    if (fellBehindAt === null) return false
    const { flushedSerial, serial: lastSerial } = fellBehindAt
    return delivery === 'every' ? serial > lastSerial : delivery === 'latest' && serial > flushedSerial
  })
  wanted.sort((a, b) => a.offset - b.offset)
  const snapshots = answer.filter(message => message.type === 'snapshot')
  const given = snapshots.flatMap(({ ticks }) => ticks)
  if (isCut) expect(given.length).toBeLessThan(wanted.length)
  else expect(given).toHaveLength(wanted.length)
  expect(given.map(tick => `${keyOf(tick)} ${tick.sequence}`)).toEqual(
    wanted.slice(0, given.length).map(tick => `${keyOf(tick)} ${tick.offset}`),
  )
  expect(snapshots.map(({ more }) => more)).toEqual(
    snapshots.map((_, index) => isCut || index < snapshots.length - 1 || undefined),
  )
  const isTold = fellBehindAt !== null && isConflated(spec)
  expect(snapshots.length > 0).toBe(snapshotOf !== undefined || wanted.length > 0 || isTold)
  expect(snapshots.filter(({ offset }) => offset !== from)).toEqual([])
  if (fellBehindAt === null) return
  const missed = stage.ticks.filter(
    ({ offset, symbol }) =>
      deliveryOf(spec, symbol) === 'every' && offset > fellBehindAt.offset && offset <= from,
  )
  const told = answer.filter(message => message.type === 'gap' && message.reason === 'slow')
  expect(told.map(gap => 'missed' in gap && gap.missed)).toEqual(missed.length === 0 ? [] : [missed.length])
}

/** Whoever waited and left has the newest of each symbol and kind that came while it waited, and no other. */
function checkWait(stage: LaneStage, { from, spec, waited }: Stay): void {
  if (waited === undefined) return
  const newest = new Map<string, StageTick>()
  for (const tick of stage.ticks)
    if (tick.offset > from && tick.offset <= waited.until && deliveryOf(spec, tick.symbol) !== undefined)
      newest.set(keyOf(tick), tick)
  const given = waited.snapshots.flatMap(message => (message.type === 'snapshot' ? message.ticks : []))
  expect(given.map(tick => `${keyOf(tick)} ${tick.sequence}`)).toEqual(
    [...newest.values()].sort((a, b) => a.offset - b.offset).map(tick => `${keyOf(tick)} ${tick.offset}`),
  )
}

function checkStay(stage: LaneStage, stay: Stay, isWhole: boolean): void {
  const { answer, from, messages, spec } = stay
  const to = stay.to ?? stage.offset
  const expected = stage.ticks.filter(({ offset }) => offset > from && offset <= to)
  const sent = messages.flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  const every = sent.filter(({ symbol }) => deliveryOf(spec, symbol) === 'every')
  const latest = sent.filter(({ symbol }) => deliveryOf(spec, symbol) !== 'every')

  checkOrder(answer.concat(messages), from)
  expect(every.map(offsetOf)).toEqual(
    expected.filter(({ symbol }) => deliveryOf(spec, symbol) === 'every').map(({ offset }) => offset),
  )
  const known = new Map(stage.ticks.map(tick => [tick.offset, keyOf(tick)]))
  const last = new Map<string, number>()
  for (const tick of latest) {
    const offset = offsetOf(tick)
    const before = last.get(keyOf(tick)) ?? from
    if (known.get(offset) !== keyOf(tick) || offset <= before)
      expect.fail(`${keyOf(tick)} ${offset} after ${before}, which is ${known.get(offset)}`)
    if (deliveryOf(spec, tick.symbol) !== 'latest') expect.fail(`a tick of ${tick.symbol} in ${spec.latest}`)
    last.set(keyOf(tick), offset)
  }
  const merged = messages.reduce(
    (sum, message) => sum + (message.type === 'ticks' ? (message.merged ?? 0) : 0),
    0,
  )
  const conflated = expected.filter(({ symbol }) => deliveryOf(spec, symbol) === 'latest')
  if (!isWhole) {
    expect(latest.length + merged).toBeLessThanOrEqual(
      stage.ticks.filter(({ offset, symbol }) => offset > from && deliveryOf(spec, symbol) === 'latest')
        .length,
    )
    return
  }
  expect(latest.length + merged).toBe(conflated.length)
  expect(last).toEqual(new Map(conflated.map(tick => [keyOf(tick), tick.offset])))
}

/** `seq` and `offset` of all messages with ticks. Plain comparisons, since an `expect` for each of so many takes most of the time. */
function checkOrder(messages: readonly Message[], from: number): void {
  let seq: number | undefined
  let last = from
  for (const message of messages) {
    if (message.type === 'status') continue
    const isTicks = message.type === 'ticks'
    if (seq !== undefined && message.seq !== seq + Number(isTicks)) failAt(message, `after seq ${seq}`)
    if (isTicks) {
      if (message.offset < last) failAt(message, `after offset ${last}`)
      if (!(Math.max(...message.ticks.map(offsetOf)) <= message.offset)) failAt(message, 'with later ticks')
      if (message.merged === 0) failAt(message, 'with nothing merged')
      last = message.offset
    }
    if (message.type === 'heartbeat') {
      if (message.offset < last) failAt(message, `after offset ${last}`)
      last = message.offset
    }
    ;({ seq } = message)
  }
}

function failAt(message: Message, what: string): never {
  expect.fail(`${what}: ${JSON.stringify(message)}`)
}
