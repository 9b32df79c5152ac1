import { afterEach, describe, expect, it } from 'vitest'
import { FanOut, type Member, PASS_BUDGET_MS, ticksIn, upTo } from '../support/fan-out.js'
import { spec } from '../support/specs.js'

const WRITES_PER_LOOK = 32
/** Of the smallest ring. */
const SEGMENTS = 8

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

function order(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => firstSeen(a) - firstSeen(b))
}

let seen = 0
const seenAt = new WeakMap<Member, number>()
const firstSeen = (member: Member): number => seenAt.get(member) ?? Number.POSITIVE_INFINITY

/** Notes the order in which the members are written to. */
function watchOrder(members: readonly Member[]): void {
  for (const member of members) {
    const write = member.socket.write.bind(member.socket)
    member.socket.write = (bytes, callback) => {
      seenAt.set(member, seen++)
      return write(bytes, callback)
    }
  }
}

describe('a pass', () => {
  it('writes each record once to each member, as one slice of the ring', async () => {
    const { lane } = start()
    const members = await fanOut.members(3)
    const audience = fanOut.audience(members[0])
    for (const { socket } of members) socket.writeLengths.length = 0
    lane.record(audience.id, 2)
    lane.record(audience.id, 1)
    await fanOut.turn()
    for (const { socket } of members) {
      expect(socket.text).toBe('1!0;1:1;1:2;1:3;')
      expect(socket.writeLengths).toEqual([8, 4])
    }
  })

  it('counts writes, ticks, messages, bytes, turns and the latency of each write', async () => {
    const { lane, clock } = start()
    const members = await fanOut.members(3)
    const before = {
      writes: fanOut.count('writes'),
      bytesSent: fanOut.count('bytesSent'),
      turns: fanOut.count('turns'),
    }
    lane.record(fanOut.audience(members[0]).id, 5, clock.epochUs() - 700)
    await fanOut.turn()
    expect(fanOut.count('writes') - before.writes).toBe(3)
    expect(fanOut.count('bytesSent') - before.bytesSent).toBe(3 * 5 * '1:1;'.length)
    expect(fanOut.count('turns') - before.turns).toBe(1)
    expect(fanOut.count('ticksBroadcast')).toBe(15)
    expect(fanOut.count('messages')).toBe(15)
    expect(fanOut.count('writesBlocked')).toBe(0)
    expect(fanOut.latency.view()).toMatchObject({ count: 3, sumUs: 2100 })
  })

  it('starts at another member each time', async () => {
    start()
    const members = await fanOut.members(3)
    watchOrder(members)
    const firsts = new Set<Member>()
    for (let pass = 0; pass < 3; pass++) {
      await fanOut.tick(fanOut.audience(members[0]))
      firsts.add(order(members)[0]!)
    }
    expect(firsts.size).toBe(3)
  })

  it('gives no record to a member whose socket cannot be written to', async () => {
    start()
    const [gone, other] = await fanOut.members(2)
    gone.socket.writable = false
    await fanOut.tick(fanOut.audience(gone))
    expect(ticksIn(gone.socket.text)).toEqual([])
    expect(ticksIn(other!.socket.text)).toEqual([1])
  })

  it('skips the record of an audience whose last member has left', async () => {
    const { lane } = start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    lane.record(audience.id)
    fanOut.leave(member.recipient)
    await fanOut.turn()
    expect(ticksIn(member.socket.text)).toEqual([])
    expect(fanOut.isDrained).toBe(true)
  })

  it('lets the lane publish again after each turn', async () => {
    const { lane } = start()
    lane.endTurn()
    lane.endTurn()
    expect(lane.ring.turnsAhead()).toBe(2)
    fanOut.transmitter.wake()
    expect(lane.ring.turnsAhead()).toBe(0)
    await fanOut.rest()
  })

  it('takes turns from every lane', async () => {
    const { lanes } = start({ laneCount: 2 })
    const one = fanOut.connect(spec({ symbols: ['A'], batch: true }))
    const two = fanOut.connect(spec({ symbols: ['B'], batch: true }))
    expect([fanOut.audience(one).lane, fanOut.audience(two).lane]).toEqual([0, 1])
    for (const lane of lanes) {
      lane.obey()
      lane.endTurn()
    }
    fanOut.transmitter.wake()
    lanes[0]!.record(fanOut.audience(one).id)
    lanes[1]!.record(fanOut.audience(two).id)
    for (const lane of lanes) lane.endTurn()
    fanOut.transmitter.wake()
    await fanOut.rest()
    expect(one.socket.text).toBe('1!0;1:1;')
    expect(two.socket.text).toBe('2!0;2:1;')
  })

  it('does nothing once it is stopped', async () => {
    const { lane } = start()
    const [member] = await fanOut.members(1)
    fanOut.transmitter.stop()
    lane.record(fanOut.audience(member).id)
    await fanOut.turn()
    expect(ticksIn(member.socket.text)).toEqual([])
  })
})

describe('a ring that is full of records on their way', () => {
  it('has room for more when they are sent', async () => {
    const { lane } = start()
    const [member] = await fanOut.members(1)
    const { id } = fanOut.audience(member)
    let records = 0
    // Each takes more than half of a segment.
    while (lane.record(id, 130)) records++
    expect(records).toBe(SEGMENTS)
    await fanOut.turn()
    expect(ticksIn(member.socket.text)).toEqual(upTo(records * 130))
    for (let more = 0; more < SEGMENTS; more++) await fanOut.tick(fanOut.audience(member), 130)
    expect(ticksIn(member.socket.text)).toEqual(upTo((records + SEGMENTS) * 130))
  })
})

/** Two members. The first reads nothing, and is megabytes behind. */
async function oneStuck(): Promise<[Member, Member]> {
  fanOut = new FanOut({ frameRingBytes: 1 << 24 })
  const [slow, live] = await fanOut.members(2)
  const audience = fanOut.audience(slow)
  slow.socket.isStuck = true
  // 250 KB each.
  for (let record = 0; record < 32; record++) await fanOut.tick(audience, 25_000)
  return [slow, live!]
}

/** The same when the first has begun to catch up. */
async function oneFarBehind(): Promise<[Member, Member]> {
  const [slow, live] = await oneStuck()
  slow.socket.open()
  return [slow, live]
}

it('yields also between audiences of one member each', async () => {
  fanOut = new FanOut()
  const { lane } = fanOut
  const members = Array.from({ length: 3 * WRITES_PER_LOOK }, (_, index) =>
    fanOut.connect(spec({ symbols: [`S${index}`] })),
  )
  for (const { recipient } of members) {
    lane.obey()
    await fanOut.turn()
    expect(recipient.cursor.isMemberOf(recipient.cursor.audience!)).toBe(true)
  }
  for (const member of members) lane.record(fanOut.audience(member).id)
  lane.endTurn()
  const giveTime = fanOut.withoutTime()
  fanOut.transmitter.wake()
  const served = members.filter(({ socket }) => ticksIn(socket.text).length > 0)
  expect(served.length).toBeLessThanOrEqual(WRITES_PER_LOOK)
  giveTime()
  await fanOut.rest()
  for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1])
})

it('runs once in each turn of the event loop while a member catches up', async () => {
  const [slow, live] = await oneFarBehind()
  let runs = 0
  fanOut.afterRun = () => {
    runs++
  }
  const giveTime = fanOut.withoutTime()
  for (let turn = 1; turn <= 4; turn++) {
    await new Promise(setImmediate)
    expect(runs).toBeLessThanOrEqual(turn)
  }
  giveTime()
  await fanOut.rest()
  expect(slow.socket.text).toBe(live.socket.text)
})

it('serves live members while others catch up', async () => {
  const [slow, live] = await oneFarBehind()
  const giveTime = fanOut.withoutTime()
  fanOut.lane.record(fanOut.audience(slow).id)
  fanOut.lane.endTurn()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(live.socket.text.endsWith('1:800001;')).toBe(true)
  expect(slow.socket.text.length).toBeLessThan(live.socket.text.length)
  giveTime()
  await fanOut.rest()
  expect(slow.socket.text).toBe(live.socket.text)
})

it('goes on with the current pass before others catch up', async () => {
  const [slow, first] = await oneStuck()
  const live = [first, ...(await fanOut.members(8 * WRITES_PER_LOOK - 1))]
  slow.socket.open()
  const takesTime = (member: Member, ms: number) => {
    const write = member.socket.write.bind(member.socket)
    member.socket.write = (bytes, callback) => {
      fanOut.clock.jump(ms)
      return write(bytes, callback)
    }
  }
  // A write to the slow member takes the time of a whole run. The writes to the others between two looks take half of
  // it.
  takesTime(slow, PASS_BUDGET_MS)
  for (const member of live) takesTime(member, PASS_BUDGET_MS / (2 * WRITES_PER_LOOK))
  let runs = 0
  fanOut.afterRun = () => {
    runs++
  }
  for (let record = 1; record <= 3; record++) {
    runs = 0
    fanOut.lane.record(fanOut.audience(slow).id)
    fanOut.lane.endTurn()
    fanOut.transmitter.wake()
    while (!live.every(({ socket }) => socket.text.endsWith(`1:${800_000 + record};`)))
      await new Promise(setImmediate)
    // The first run comes to one look, each later one to two.
    expect(runs).toBeLessThanOrEqual(5)
  }
  await fanOut.rest()
  expect(slow.socket.text).toBe(first.socket.text)
})

it('transmits all that a lane publishes while another is served', async () => {
  fanOut = new FanOut({ laneCount: 2 })
  const { lanes } = fanOut
  const one = fanOut.connect(spec({ symbols: ['A'] }))
  const many = Array.from({ length: 2 * WRITES_PER_LOOK }, () => fanOut.connect(spec({ symbols: ['B'] })))
  const [first, second] = [fanOut.audience(one), fanOut.audience(many[0]!)]
  expect([first.lane, second.lane]).toEqual([0, 1])
  for (const lane of lanes) {
    lane.obey()
    await fanOut.turn(lane)
  }
  let isDue = false
  for (const { socket } of many) {
    const write = socket.write.bind(socket)
    socket.write = (bytes, callback) => {
      if (isDue) {
        isDue = false
        lanes[0]!.record(first.id)
        lanes[0]!.endTurn()
      }
      return write(bytes, callback)
    }
  }
  // Each lane comes first in one of the two turns.
  for (let turn = 1; turn <= 2; turn++) {
    isDue = true
    lanes[1]!.record(second.id)
    await fanOut.turn(lanes[1])
    expect(ticksIn(one.socket.text)).toHaveLength(turn)
    expect(fanOut.isDrained).toBe(true)
  }
})
