import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LaneStream } from '../../src/fanout/lane-stream.js'
import { TurnPacing } from '../../src/fanout/turn-pacing.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { LANE_ASLEEP } from '../../src/memory/control-words.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { ASLEEP_FOR_ROOM } from '../../src/memory/lane-wake-up.js'
import { MAIN_SLOT_COUNT, MAIN_SLOTS } from '../../src/metrics/metric-table.js'
import { FakeClock } from '../support/fake-clock.js'
import { FakeLane } from '../support/fake-lane.js'
import { FanOut, LATEST_BYTES } from '../support/fan-out.js'

const GATHER_MS = 20
/** How long the load is watched before it is judged. */
const WINDOW_MS = 100
/** What a client is given at once at the most, as far as gathering goes. */
const GATHERED_BYTES_MAX = 16 * 1024

let clock: FakeClock
let handles: LaneHandle[]
let streams: LaneStream[]
let lanes: FakeLane[]
let pacing: TurnPacing
let counters: CounterWriter

function start({ gatherMs = GATHER_MS, laneCount = 1 } = {}): void {
  clock = new FakeClock()
  const layout = laneLayout(8192, 512, 64)
  handles = Array.from(
    { length: laneCount },
    (_, index) => new LaneHandle(index, layout, LATEST_BYTES, () => {}),
  )
  streams = handles.map(({ stream }) => stream)
  lanes = handles.map(handle => new FakeLane(handle))
  counters = new CounterWriter(new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))))
  pacing = new TurnPacing({ streams, gatherMs, counters, clock })
}

beforeEach(() => start())

const turnsAhead = (lane = 0) => lanes[lane]!.ring.turnsAhead()

interface Turn {
  readonly lane?: number
  /** How often ticks have come since the turn before. */
  readonly arrivals?: number
  /** Of each record. */
  readonly ticks?: number
  readonly bytes?: number
  readonly busyMs?: number
}

function publish(lane = 0): void {
  lanes[lane]!.endTurn()
}

/** Reads the two marks of a turn without records. */
function takeTurn({ ring }: LaneStream): void {
  for (let mark = 0; mark < 2; mark++) expect(ring.next()).toBeDefined()
}

/** The transmitter takes a turn that was published, of one record for ten clients. */
function transmit({ lane = 0, arrivals = 1, ticks = 1, bytes = 100, busyMs = 0 }: Turn = {}): void {
  const stream = streams[lane]!
  const startMs = clock.nowMs()
  counters.values[MAIN_SLOTS.messagesReceived]! += arrivals
  takeTurn(stream)
  pacing.turnBegun(stream)
  clock.jump(busyMs)
  pacing.wrote(stream, 10, ticks, bytes)
  pacing.turnEnded(stream)
  pacing.ran(startMs, clock.nowMs())
}

function turn(what: Turn = {}): void {
  publish(what.lane)
  transmit(what)
}

/** Lets the transmitter be at work for a share of the time for which the load is watched. */
function work(share: number, what: Turn = {}): void {
  turn({ ...what, busyMs: share * WINDOW_MS })
  clock.advance(WINDOW_MS - share * WINDOW_MS)
  pacing.ran(clock.nowMs(), clock.nowMs())
}

/** Lets ticks be gathered; nothing is held back yet. */
function gather(what?: Turn): void {
  work(0.9, what)
}

describe('while there is time', () => {
  it('lets a lane publish again as soon as its turn is sent', () => {
    for (let round = 0; round < 50; round++) {
      turn({ busyMs: 1 })
      expect(turnsAhead()).toBe(0)
      clock.advance(9)
    }
    expect(clock.delaysMs).toEqual([])
  })

  it('counts a turn that is sent in several runs once', () => {
    publish()
    pacing.turnBegun(streams[0]!)
    for (let run = 0; run < 3; run++) pacing.ran(clock.nowMs(), clock.nowMs())
    pacing.turnEnded(streams[0]!)
    expect(turnsAhead()).toBe(0)
    publish()
    publish()
    transmit()
    expect(turnsAhead()).toBe(1)
    transmit()
    expect(turnsAhead()).toBe(0)
  })
})

it.each([
  ['half of the time', 0.5, {}, false],
  ['more than half of the time', 0.51, {}, true],
  ['a third of the time, for two arrivals in a write', 0.34, { arrivals: 2, ticks: 2 }, true],
  ['a quarter of the time, for two arrivals in a write', 0.25, { arrivals: 2, ticks: 2 }, false],
  ['a third of the time, for many ticks that came together', 0.34, { arrivals: 1, ticks: 64 }, false],
  ['a third of the time, for one of many arrivals', 0.34, { arrivals: 64, ticks: 1 }, false],
] as const)(
  'judges what it would take to send each arrival on its own: %s',
  (_, share, what, isGathering) => {
    // The first turn's arrivals are all since the beginning.
    work(0)
    work(share, what)
    turn()
    expect(turnsAhead()).toBe(isGathering ? 1 : 0)
  },
)

describe('while ticks are gathered', () => {
  beforeEach(() => gather())

  it('lets a lane have one turn ahead, and another only after a while', () => {
    turn()
    expect(turnsAhead()).toBe(1)
    turn()
    expect(turnsAhead()).toBe(2)
    clock.advance(GATHER_MS - 1)
    expect(turnsAhead()).toBe(2)
    clock.advance(1)
    expect(turnsAhead()).toBe(1)
    turn()
    expect(turnsAhead()).toBe(2)
    expect(clock.delaysMs).toEqual([GATHER_MS, GATHER_MS])
  })

  it('wakes the lane that it held back', () => {
    const control = new Int32Array(handles[0]!.memory)
    turn()
    turn()
    control[LANE_ASLEEP] = ASLEEP_FOR_ROOM
    clock.advance(GATHER_MS - 1)
    expect(handles[0]!.isAsleep).toBe(true)
    clock.advance(1)
    expect(handles[0]!.isAsleep).toBe(false)
  })

  it('goes on while sending each arrival would take more than 0.35 of the time', () => {
    work(0.36)
    turn()
    expect(turnsAhead()).toBe(2)
  })

  it('ends when it would take no more than that', () => {
    turn()
    work(0.35)
    turn()
    expect(turnsAhead()).toBe(0)
    expect(clock.timerCount).toBe(0)
  })

  it('gives back all turns where it ends while the lane is held back', () => {
    turn()
    clock.advance(0.65 * WINDOW_MS)
    turn({ busyMs: 0.35 * WINDOW_MS })
    expect(turnsAhead()).toBe(2)
    clock.advance(GATHER_MS)
    expect(turnsAhead()).toBe(0)
  })

  it('keeps the turn in hand where it ends while the lane is held back', () => {
    turn()
    clock.advance(0.65 * WINDOW_MS)
    turn({ busyMs: 0.35 * WINDOW_MS })
    publish()
    pacing.turnBegun(streams[0]!)
    clock.advance(GATHER_MS)
    expect(turnsAhead()).toBe(1)
    pacing.turnEnded(streams[0]!)
    expect(turnsAhead()).toBe(0)
  })

  it('gives back all turns but the one in hand when the time comes in the midst of it', () => {
    turn()
    turn()
    clock.advance(GATHER_MS)
    publish()
    pacing.turnBegun(streams[0]!)
    clock.advance(GATHER_MS)
    expect(turnsAhead()).toBe(1)
    pacing.turnEnded(streams[0]!)
    expect(turnsAhead()).toBe(1)
    expect(clock.timerCount).toBe(0)
  })

  it('lets a lane that takes the place of another begin free', () => {
    turn()
    turn()
    streams[0]!.laneEnded()
    pacing.laneEnded(streams[0]!)
    expect([turnsAhead(), clock.timerCount]).toEqual([0, 0])
    turn()
    expect(turnsAhead()).toBe(1)
    clock.advance(GATHER_MS)
    turn()
    expect(turnsAhead()).toBe(2)
  })

  it('counts the first turn of a lane that takes the place of one that ended in the midst of its own', () => {
    turn()
    publish()
    takeTurn(streams[0]!)
    pacing.turnBegun(streams[0]!)
    streams[0]!.laneEnded()
    pacing.laneEnded(streams[0]!)
    turn()
    turn()
    expect(turnsAhead()).toBe(2)
    clock.advance(GATHER_MS)
    expect(turnsAhead()).toBe(1)
  })

  it('leaves no timer behind when it is stopped', () => {
    turn()
    expect(clock.timerCount).toBe(1)
    pacing.stop()
    expect(clock.timerCount).toBe(0)
  })
})

it.each([
  ['as long as it may', 1, GATHERED_BYTES_MAX / GATHER_MS / 2, GATHER_MS],
  ['shorter', 1, GATHERED_BYTES_MAX / 5, 5],
  ['half as short where the other of two lanes gives nothing', 2, GATHERED_BYTES_MAX / 5, 10],
])('gathers %s: %i lanes, %f bytes/ms for an audience', (_, laneCount, bytesPerMs, holdMs) => {
  start({ laneCount })
  // What was before the window does not count.
  for (let round = 0; round < 3; round++) turn({ bytes: 10 * bytesPerMs * WINDOW_MS })
  work(0)
  gather({ bytes: bytesPerMs * WINDOW_MS })
  turn()
  expect(clock.delaysMs).toEqual([holdMs])
})

describe('where gathering as long as usual still takes more than half of the time', () => {
  /** For how long the lane is held back after the transmitter was at work for these shares of the time, one after the other. */
  function holdMs(...shares: number[]): number {
    gather()
    for (const share of shares) work(share)
    clock.delaysMs.length = 0
    clock.advance(WINDOW_MS)
    turn()
    return clock.delaysMs[0]!
  }

  it.each([
    ['as long as usual', [0.5], GATHER_MS],
    ['so much longer that it takes half', [0.75], 1.5 * GATHER_MS],
    ['longer still while that is not enough', [0.75, 0.6], 1.8 * GATHER_MS],
    ['no longer when that takes half', [0.75, 0.5, 0.5], 1.5 * GATHER_MS],
    ['less long when that takes less', [0.75, 0.4], 1.2 * GATHER_MS],
    ['never less long than usual', [0.75, 0.36, 0.36, 0.36], GATHER_MS],
    ['never longer than two and a half times as long', [1, 1, 1], 2.5 * GATHER_MS],
  ] as const)('gathers %s', (_, shares, expected) => {
    expect(holdMs(...shares)).toBeCloseTo(expected)
  })

  it('gathers as long as usual when it begins anew', () => {
    holdMs(1, 1, 0.1)
    expect(holdMs(0.5)).toBe(GATHER_MS)
  })
})

it.each([
  ['as long as usual', 90_000, GATHER_MS],
  ['shorter', 200_000, 10],
])('gathers %s at %i ticks/s, since a lane with too many has to wait', (_, ticksPerSecond, holdMs) => {
  // What was before the window does not count.
  counters.values[MAIN_SLOTS.ticksReceived]! += 1_000_000
  work(0)
  counters.values[MAIN_SLOTS.ticksReceived]! += (ticksPerSecond * WINDOW_MS) / 1000
  gather()
  turn()
  expect(clock.delaysMs).toEqual([holdMs])
})

it('never holds a lane back when it is not to gather', () => {
  start({ gatherMs: 0 })
  for (let round = 0; round < 5; round++) {
    gather({ arrivals: 5, ticks: 5 })
    expect(turnsAhead()).toBe(0)
  }
  expect(clock.delaysMs).toEqual([])
})

describe('two lanes', () => {
  beforeEach(() => {
    start({ laneCount: 2 })
    gather()
    for (let round = 0; round < 2; round++) for (const lane of [0, 1]) turn({ lane })
  })

  it('are held back each by itself', () => {
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([2, 2])
    clock.advance(GATHER_MS)
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([1, 1])
    turn({ lane: 1 })
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([1, 2])
    clock.advance(GATHER_MS)
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([1, 1])
  })

  it('are replaced each by itself', () => {
    streams[0]!.laneEnded()
    pacing.laneEnded(streams[0]!)
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([0, 2])
    clock.advance(GATHER_MS)
    expect([turnsAhead(0), turnsAhead(1)]).toEqual([0, 1])
  })
})

it('is told by the transmitter how long its writes take', async () => {
  const fanOut = new FanOut({ gatherMs: GATHER_MS })
  const { clock, lane, transmitter } = fanOut
  const [member] = await fanOut.members(1)
  const audience = fanOut.audience(member)
  const write = member.socket.write.bind(member.socket)
  member.socket.write = (bytes, callback) => {
    clock.jump(6)
    return write(bytes, callback)
  }
  for (let tick = 0; tick < 11; tick++) {
    expect(lane.ring.turnsAhead()).toBe(0)
    await fanOut.tick(audience)
    clock.advance(4)
  }
  await fanOut.tick(audience)
  await fanOut.tick(audience)
  expect(lane.ring.turnsAhead()).toBe(2)
  clock.advance(2 * GATHER_MS)
  expect(lane.ring.turnsAhead()).toBe(1)
  await fanOut.tick(audience)
  expect(clock.timerCount).toBe(1)
  transmitter.stop()
  expect(clock.timerCount).toBe(0)
})

describe('answers between turns', () => {
  let fanOut: FanOut

  /** One of whose audience two turns are published, more than the main thread has time to send one by one. */
  async function gathering() {
    fanOut = new FanOut({ gatherMs: GATHER_MS })
    const { clock } = fanOut
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    const write = member.socket.write.bind(member.socket)
    member.socket.write = (bytes, callback) => {
      clock.jump(WINDOW_MS / 2 + 1)
      return write(bytes, callback)
    }
    await fanOut.tick(audience)
    clock.advance(WINDOW_MS / 2 - 1)
    await fanOut.tick(audience)
    member.socket.write = write
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    expect(fanOut.lane.ring.turnsAhead()).toBe(2)
    return { audience, clock }
  }

  async function answer(isWhole = true): Promise<void> {
    fanOut.connect()
    fanOut.lane.obeyPromptly({ isWhole })
    fanOut.transmitter.wake()
    await fanOut.rest()
  }

  afterEach(() => fanOut.transmitter.stop())

  it('are no turn: the lane that is held back may publish one, and not two', async () => {
    const { clock } = await gathering()
    await answer()
    await answer()
    expect(fanOut.lane.ring.turnsAhead()).toBe(2)
    clock.advance(10 * GATHER_MS)
    expect(fanOut.lane.ring.turnsAhead()).toBe(1)
    expect(clock.timerCount).toBe(0)
    await answer()
    expect(clock.timerCount).toBe(0)
  })

  it('in the midst of which a lane dies leave its successor with turns that count', async () => {
    const { audience, clock } = await gathering()
    await answer(false)
    await fanOut.laneDies()
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    expect(fanOut.lane.ring.turnsAhead()).toBe(2)
    clock.advance(10 * GATHER_MS)
    expect(fanOut.lane.ring.turnsAhead()).toBe(1)
  })
})
