/**
 * Does a member get each record of its audience exactly once? Random members block, drain in part, drain, change their
 * audience, await flushes, leave and come back. The ring is so small that members are overrun and evicted all the time,
 * and the transmitter runs out of time at random. Lanes die, also during a turn. There is no thread: the same seed is
 * the same run.
 */

import { expect, it } from 'vitest'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { FanOut, type Member, PASS_BUDGET_MS } from '../support/fan-out.js'
import { changeTo, spec, startAt } from '../support/specs.js'

const SEEDS = Array.from({ length: 30 }, (_, index) => 1 + index)
const STEPS = 600
const MEMBERS_MAX = 60
const MOVED = { type: 'subscribed', symbols: ['A'], delivery: 'every', snapshot: false } as const
const SPECS: readonly AudienceSpec[] = [
  spec({ symbols: null, batch: true }),
  spec({ symbols: ['A'], batch: true }),
  spec({ symbols: ['A', 'B'], batch: true }),
]

/** Mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Where a client is; at first in no audience. */
interface Place {
  audience: number
  /** The next tick that it is to get. */
  next: number
  /** Whether it was told that it leaves the audience. */
  leaves: boolean
  ticks: number
  moves: number
  replays: number
  /** Number of the last status of the feed. */
  status: number
}

/** Checks that all bytes of a client are one unbroken stream. @returns where the client is at the end */
function readStream(text: string): Place {
  const place: Place = {
    audience: 0,
    next: Number.NaN,
    leaves: true,
    ticks: 0,
    moves: 0,
    replays: 0,
    status: 0,
  }
  let end = 0
  for (const [word, id, kind, number] of text.matchAll(/(\d+)([-!?:#~])(\d+);/g)) {
    if (!text.startsWith(word, end) || !isRight(place, Number(id), kind!, Number(number)))
      throw new Error(`${word} where ${place.next} was due, after …${text.slice(Math.max(0, end - 60), end)}`)
    end += word.length
  }
  if (end !== text.length) throw new Error(`no words: ${text.slice(end, end + 60)}`)
  return place
}

/** Takes the next word. @returns whether it is right there */
function isRight(place: Place, audience: number, kind: string, number: number): boolean {
  if (kind === '!') {
    if (!place.leaves) return false
    if (place.audience !== 0) place.moves++
    Object.assign(place, { audience, next: number + 1, leaves: false })
    return true
  }
  if (kind === '~') {
    place.replays++
    return place.leaves
  }
  if (audience !== place.audience || place.leaves) return false
  if (kind === '#') {
    if (number <= place.status) return false
    place.status = number
  } else if (kind === '?') place.next += number
  else if (kind === '-') {
    if (number + 1 !== place.next) return false
    place.leaves = true
  } else {
    if (number !== place.next) return false
    place.next++
    place.ticks++
  }
  return true
}

it.each(SEEDS)('gives every member every record once, or tells it what it missed: seed %i', async seed => {
  const random = randomOf(seed)
  // From members that mostly read to members that hold all that they can.
  const patience = 1 + (seed % 8)
  const fanOut = new FanOut({ laneCount: 2 })
  const { clock, lanes, streams, transmitter } = fanOut
  const ready = new Set<Member>()
  const left: Member[] = []
  const seen = {
    suspended: 0,
    recovered: 0,
    evicted: 0,
    caughtUp: 0,
    moves: 0,
    replays: 0,
    overtaking: 0,
    deaths: 0,
    cutReplies: 0,
  }
  for (const lane of lanes) lane.tellsLeft = true

  fanOut.afterRun = () => {
    // Only a run without time leaves something in the rings.
    if (!streams.every(stream => stream.isTransmitted)) seen.suspended++
  }
  const nowMs = clock.nowMs.bind(clock)
  let isBusy = true
  clock.nowMs = () => {
    if (isBusy && random(3) === 0) clock.jump(PASS_BUDGET_MS)
    return nowMs()
  }
  const connect = () => {
    const member = fanOut.connect(SPECS[random(SPECS.length)])
    const write = member.socket.write.bind(member.socket)
    member.socket.write = (bytes, callback) => {
      // Lanes publish while the transmitter runs.
      if (isBusy && random(30) === 0) publish()
      return write(bytes, callback)
    }
    ready.add(member)
  }
  const retire = (member: Member) => {
    ready.delete(member)
    left.push(member)
  }
  const sweepEvicted = () => {
    for (const member of ready) if (member.recipient.hasLeft) retire(member)
  }
  const anyMember = (): Member | undefined => [...ready][random(ready.size)]
  const publish = () => (random(2) === 0 ? laneTurn() : replyPromptly())
  /** The lane whose thread has ended. */
  let dead = -1
  const laneTurn = (lane = random(lanes.length)) => {
    if (lane === dead) return
    for (const audience of streams[lane]!.audiences.values()) {
      // Two or three such records fill a segment. A full ring ends the turn early.
      const isOpen = lanes[lane]!.ticksTotals.has(audience.id)
      if (isOpen && random(4) > 0 && !lanes[lane]!.record(audience.id, 1 + random(100))) break
    }
    lanes[lane]!.newcomersWait = random(4) === 0
    if (random(2) === 0) lanes[lane]!.obey()
    lanes[lane]!.newcomersWait = false
    lanes[lane]!.endTurn()
  }
  const moveSome = () => {
    for (const { recipient } of ready) {
      const to = SPECS[random(SPECS.length)]!
      const replayStart = random(8) === 0 ? startAt(random(2)) : null
      if (random(6) > 0 || fanOut.membership.hasTooManyQueued(recipient, replayStart)) continue
      fanOut.membership.move(recipient, changeTo(recipient, to), MOVED, 100, replayStart)
    }
  }
  /** As a lane does: only when no client fell behind. */
  const replyPromptly = (lane = random(lanes.length)) => {
    if (lane === dead) return
    const joins = lanes[lane]!.commands.flatMap(command => (command.op === 'join' ? [command] : []))
    if (joins.length === 0 || joins.some(({ fellBehindAt }) => fellBehindAt !== null)) return
    if (streams[lane]!.queue.length > 0) seen.overtaking++
    const asked = joins.flatMap(({ audience, leaving }) => [audience, leaving])
    const gathered = [...new Set(asked)].filter(id => streams[lane]!.audiences.has(id) && random(2) === 0)
    lanes[lane]!.obeyPromptly({ gathered: gathered.filter(id => lanes[lane]!.ticksTotals.has(id)) })
  }

  /** The feed goes down, or comes back. */
  const changeStatus = () => {
    for (const [index, lane] of lanes.entries()) if (index !== dead) lane.status++
  }

  const dieDuringTurn = async (lane = random(lanes.length)) => {
    seen.deaths++
    for (const audience of lanes[lane]!.ticksTotals.keys())
      if (random(4) === 0) lanes[lane]!.record(audience, 1 + random(20))
    lanes[lane]!.newcomersWait = random(4) === 0
    const join = lanes[lane]!.commands.find(({ op }) => op === 'join')
    if (join?.op === 'join' && lanes[lane]!.ticksTotals.has(join.audience) && lanes[lane]!.beginReply(join))
      seen.cutReplies++
    dead = lane
    await fanOut.laneDies(lane)
    dead = -1
    // Its successor is told what the members of each audience know.
    for (const { id, members, state } of streams[lane]!.audiences.values())
      if (members.length > 0) expect(state.statusNumber).toBe(lanes[lane]!.statusNumber(id))
  }

  while (ready.size < MEMBERS_MAX / 2) connect()
  for (let step = 0; step < STEPS; step++) {
    const member = anyMember()
    const die = random(26)
    if (random(40) === 0) changeStatus()
    if (member === undefined || (die < 3 && ready.size < MEMBERS_MAX)) connect()
    else if (die < 5) member.socket.isStuck = true
    else if (die < 6) for (const { socket } of ready) socket.isStuck = random(3) === 0
    else if (die < 8) member.socket.drain(1 + random(2))
    else if (die < 11 && random(patience) === 0) {
      if (member.recipient.cursor.nextRecord >= 0) seen.caughtUp++
      member.socket.open()
    } else if (die < 12 && random(3) === 0) {
      fanOut.leave(member.recipient)
      retire(member)
    } else if (die < 17) {
      laneTurn()
      if (random(4) > 0) transmitter.wake()
    } else if (die < 20) moveSome()
    else if (die < 23) {
      replyPromptly()
      if (random(4) > 0) transmitter.wake()
    } else if (die < 24) await dieDuringTurn()
    else await new Promise(setImmediate)
    sweepEvicted()
    for (const { recipient } of ready) recipient.cursor.checkInvariants()
  }

  isBusy = false
  const isAsking = () =>
    [...ready].some(({ recipient }) => recipient.transfer.last !== undefined && !recipient.hasLeft)
  // Few replays of a lane go on at a time.
  for (let round = 0; round < 5 || (isAsking() && round < 1000); round++) {
    for (const { socket } of ready) socket.open()
    await fanOut.rest()
    for (const [index, lane] of lanes.entries()) {
      for (const audience of streams[index]!.audiences.keys()) lane.record(audience)
      expect(lane.obey()).toBe(true)
      lane.endTurn()
    }
    transmitter.wake()
    await fanOut.rest()
  }
  sweepEvicted()

  seen.recovered = fanOut.recovered.length
  seen.evicted = fanOut.evicted.length
  let ticks = 0
  for (const member of ready) {
    const { id, lane } = fanOut.audience(member)
    const place = readStream(member.socket.text)
    expect(place, `client ${member.recipient.id}`).toMatchObject({
      audience: id,
      next: lanes[lane]!.ticksTotal(id) + 1,
      status: lanes[lane]!.status,
    })
    ticks += place.ticks
    seen.moves += place.moves
    seen.replays += place.replays
  }
  for (const member of left) ticks += readStream(member.socket.handedText).ticks
  expect(fanOut.count('ticksBroadcast')).toBe(ticks)
  for (const { audiences } of streams)
    for (const { members } of audiences.values()) expect(new Set(members).size).toBe(members.length)
  expect(fanOut.isDrained).toBe(true)
  for (const { ring } of streams) expect(ring.freeSegments()).toBeGreaterThan(0)
  // Each of these has happened in the run.
  expect(
    Math.min(seen.suspended, seen.recovered, seen.moves, seen.replays, seen.deaths),
    JSON.stringify(seen),
  ).toBeGreaterThan(0)
  totals.evicted += seen.evicted
  totals.caughtUp += seen.caughtUp
  totals.overtaking += seen.overtaking
  totals.cutReplies += seen.cutReplies
  transmitter.stop()
})

const totals = { evicted: 0, caughtUp: 0, overtaking: 0, cutReplies: 0 }

it('has evicted members in some run, let members catch up, had replies overtake records, and cut replies off', () => {
  expect(totals.evicted).toBeGreaterThan(0)
  expect(totals.caughtUp).toBeGreaterThan(SEEDS.length)
  expect(totals.overtaking).toBeGreaterThan(SEEDS.length)
  expect(totals.cutReplies).toBeGreaterThan(SEEDS.length)
})
