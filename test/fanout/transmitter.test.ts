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

/** Lets the transmitter's time be up at every look, until the returned function is called. */
function withoutTime(): () => void {
  const { clock } = fanOut
  const nowMs = clock.nowMs.bind(clock)
  clock.nowMs = () => {
    clock.jump(PASS_BUDGET_MS)
    return nowMs()
  }
  return () => {
    clock.nowMs = nowMs
  }
}

function order(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => firstSeen(a) - firstSeen(b))
}

let seen = 0
const seenAt = new WeakMap<Member, number>()
const firstSeen = (member: Member): number => seenAt.get(member) ?? Number.POSITIVE_INFINITY

/** Notes in which order the members are written to. */
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

  it('gives no record to one whose socket cannot be written to', async () => {
    start()
    const [gone, other] = await fanOut.members(2)
    gone.socket.writable = false
    await fanOut.tick(fanOut.audience(gone))
    expect(ticksIn(gone.socket.text)).toEqual([])
    expect(ticksIn(other!.socket.text)).toEqual([1])
  })

  it('passes over the record of an audience whose last member has left', async () => {
    const { lane } = start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    lane.record(audience.id)
    fanOut.leave(member.recipient)
    await fanOut.turn()
    expect(ticksIn(member.socket.text)).toEqual([])
    expect(fanOut.isDrained).toBe(true)
  })

  it('lets the lane publish again with each turn', async () => {
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

  it('does nothing any more once stopped', async () => {
    const { lane } = start()
    const [member] = await fanOut.members(1)
    fanOut.transmitter.stop()
    lane.record(fanOut.audience(member).id)
    await fanOut.turn()
    expect(ticksIn(member.socket.text)).toEqual([])
  })
})

const COUNT = 100

/** So many members of one audience, some of which have been given a record when the time is up. */
async function suspended(): Promise<{ members: [Member, ...Member[]]; giveTime: () => void }> {
  start()
  const members = await fanOut.members(COUNT)
  expect(fanOut.count('ticksBroadcast')).toBe(0)
  const giveTime = withoutTime()
  fanOut.lane.record(fanOut.audience(members[0]).id)
  fanOut.lane.endTurn()
  fanOut.transmitter.wake()
  return { members, giveTime }
}

const served = (members: readonly Member[]) => members.filter(({ socket }) => ticksIn(socket.text).length > 0)

describe('a pass that runs out of time', () => {
  it('yields to the event loop and goes on exactly where it was', async () => {
    const { members } = await suspended()
    const shares: number[] = []
    for (let share = 1; share <= 4; share++) {
      shares.push(served(members).length)
      await new Promise(setImmediate)
    }
    expect(shares).toEqual([WRITES_PER_LOOK, 2 * WRITES_PER_LOOK, 3 * WRITES_PER_LOOK, COUNT])
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1])
    expect(fanOut.count('ticksBroadcast')).toBe(COUNT)
  })

  it('is not drained, and its lane not transmitted, until it is done', async () => {
    start()
    const members = await fanOut.members(COUNT)
    const [link] = fanOut.streams
    const giveTime = withoutTime()
    // Without the end of its turn, as a lane that died leaves it.
    fanOut.lane.record(fanOut.audience(members[0]).id)
    fanOut.lane.publish()
    fanOut.transmitter.wake()
    expect([fanOut.isDrained, link!.isTransmitted]).toEqual([false, false])
    giveTime()
    await fanOut.rest()
    expect([fanOut.isDrained, link!.isTransmitted]).toEqual([true, true])
  })

  it('goes on exactly when members leave meanwhile', async () => {
    const { members, giveTime } = await suspended()
    const before = new Set(served(members))
    const leavers = members.filter((_, index) => index % 3 === 0)
    for (const { recipient } of leavers) fanOut.leave(recipient)
    giveTime()
    await fanOut.rest()
    await fanOut.tick(fanOut.audience(members[1]!))
    for (const member of members) {
      const hasLeft = leavers.includes(member)
      expect(ticksIn(member.socket.text)).toEqual(hasLeft ? (before.has(member) ? [1] : []) : [1, 2])
    }
    expect(fanOut.audience(members[1]!).members).toHaveLength(COUNT - leavers.length)
  })

  it('lets those join behind it who asked meanwhile', async () => {
    const { members, giveTime } = await suspended()
    const late = fanOut.connect()
    fanOut.lane.obey()
    fanOut.lane.endTurn()
    fanOut.transmitter.wake()
    expect(late.socket.text).toBe('')
    giveTime()
    await fanOut.rest()
    await fanOut.tick(fanOut.audience(late))
    expect(late.socket.text).toBe('1!1;1:2;')
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1, 2])
  })

  it('gives its record once to one that blocks and drains before its place in the pass comes', async () => {
    start()
    const members = await fanOut.members(COUNT)
    const audience = fanOut.audience(members[0])
    // Blocked by the first record and behind by the second when the pass of the third is suspended.
    for (const { socket } of members.slice(50, 60)) socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    const giveTime = withoutTime()
    fanOut.lane.record(audience.id)
    fanOut.lane.endTurn()
    fanOut.transmitter.wake()
    for (const { socket } of members.slice(50, 60)) socket.open()
    await new Promise(setImmediate)
    giveTime()
    await fanOut.rest()
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1, 2, 3])
  })

  it('gives its record once to one that was found blocked by it and drains before it ends', async () => {
    start()
    const members = await fanOut.members(COUNT)
    const audience = fanOut.audience(members[0])
    for (const { socket } of members) socket.isStuck = true
    await fanOut.tick(audience)
    for (const { socket } of members.slice(COUNT / 2)) socket.open()
    const giveTime = withoutTime()
    // The pass begins at the blocked half, or ends with it: in both cases some of them are found blocked.
    fanOut.lane.record(audience.id)
    fanOut.lane.endTurn()
    fanOut.transmitter.wake()
    expect(fanOut.isDrained).toBe(false)
    for (const { socket } of members) socket.open()
    giveTime()
    await fanOut.rest()
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1, 2])
    expect(fanOut.count('ticksBroadcast')).toBe(2 * COUNT)
  })

  it.each([1, 2])(
    'holds up nobody on another lane, whose records have the same numbers: %i',
    async inHand => {
      const { lanes } = start({ laneCount: 2 })
      const passed = Array.from({ length: COUNT }, () => fanOut.connect(spec({ symbols: ['A'] })))
      const slow = fanOut.connect(spec({ symbols: ['B'] }))
      const [one, two] = [fanOut.audience(passed[0]!), fanOut.audience(slow)]
      expect([one.lane, two.lane]).toEqual([0, 1])
      for (const lane of lanes) {
        lane.obey()
        await fanOut.turn(lane)
      }
      slow.socket.isStuck = true
      for (let tick = 1; tick <= 3; tick++) {
        lanes[1]!.record(two.id)
        await fanOut.turn(lanes[1])
      }
      for (let record = 0; record < inHand; record++) {
        lanes[0]!.record(one.id)
        await fanOut.turn(lanes[0])
      }
      lanes[0]!.record(one.id)
      lanes[0]!.endTurn()
      const giveTime = withoutTime()
      fanOut.transmitter.wake()
      // A record of the first lane is in hand, and from record 1 of the second on the client has got none.
      expect([fanOut.streams[0]!.isTransmitted, slow.recipient.cursor.nextRecord]).toEqual([false, 1])
      slow.socket.writeLengths.length = 0
      slow.socket.open()
      expect(slow.socket.text).toBe('2!0;2:1;2:2;2:3;')
      expect(slow.socket.writeLengths).toEqual([8])
      giveTime()
      await fanOut.rest()
      expect(slow.socket.text).toBe('2!0;2:1;2:2;2:3;')
    },
  )
})

describe('an answer between two turns', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  it('overtakes records on their way to others, which are not for its client', async () => {
    const { members, giveTime } = await suspended()
    const late = fanOut.connect()
    fanOut.lane.obeyPromptly()
    await new Promise(setImmediate)
    expect(served(members).length).toBeLessThan(COUNT)
    expect(late.socket.text).toBe('1!1;')
    giveTime()
    await fanOut.tick(fanOut.audience(late))
    expect(late.socket.text).toBe('1!1;1:2;')
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1, 2])
  })

  it('is given as soon as the pass in hand looks up', async () => {
    const { lane } = start()
    const members = await fanOut.members(COUNT)
    const late = fanOut.connect()
    let writes = 0
    for (const { socket } of members) {
      const write = socket.write.bind(socket)
      socket.write = (bytes, callback) => {
        // The lane publishes it while the first member is written to.
        if (writes++ === 0) lane.obeyPromptly()
        return write(bytes, callback)
      }
    }
    watchOrder([...members, late])
    await fanOut.tick(fanOut.audience(members[0]))
    expect(order([...members, late]).indexOf(late)).toBeLessThanOrEqual(WRITES_PER_LOOK)
  })

  it.each(['has', 'has not'])(
    'comes behind all that its audience is sent, be it that its client %s got it',
    async has => {
      const { members, giveTime } = await suspended()
      const before = new Set(served(members))
      const mover = members.find(member => before.has(member) === (has === 'has'))!
      const first = fanOut.audience(mover)
      fanOut.membership.move(mover.recipient, B, ANSWER, 100)
      fanOut.lane.obeyPromptly({ gathered: [first.id] })
      await new Promise(setImmediate)
      expect(served(members).length).toBeLessThan(COUNT)
      expect(mover.socket.text).toBe('1!0;1:1;1:2;2!0;')
      giveTime()
      await fanOut.tick(first)
      expect(mover.socket.text).toBe('1!0;1:1;1:2;2!0;')
      for (const { socket } of members)
        if (socket !== mover.socket) expect(ticksIn(socket.text)).toEqual([1, 2, 3])
    },
  )

  it('leaves who blocks on what is on its way to be answered later, and gives that once', async () => {
    const { members, giveTime } = await suspended()
    const before = new Set(served(members))
    const mover = members.find(member => !before.has(member))!
    const first = fanOut.audience(mover)
    fanOut.membership.move(mover.recipient, B, ANSWER, 100)
    mover.socket.isStuck = true
    fanOut.lane.obeyPromptly({ gathered: [first.id] })
    await new Promise(setImmediate)
    expect(fanOut.audience(mover)).toBe(first)
    mover.socket.open()
    giveTime()
    await fanOut.rest()
    fanOut.lane.obeyPromptly()
    await fanOut.turn()
    expect(mover.socket.text).toBe('1!0;1:1;1:2;2!0;')
  })
})

describe('more records than are read ahead', () => {
  const RECORDS = 5000

  it('are sent in their order, and what follows them', async () => {
    const { lane } = start({ frameRingBytes: 1 << 20 })
    const [member] = await fanOut.members(1)
    for (let record = 0; record < RECORDS; record++)
      expect(lane.record(fanOut.audience(member).id)).toBe(true)
    lane.endTurn()
    const late = fanOut.connect()
    lane.obeyPromptly({ gathered: [fanOut.audience(member).id] })
    const giveTime = withoutTime()
    fanOut.transmitter.wake()
    // The answer stands too far behind.
    expect(late.socket.text).toBe('')
    giveTime()
    await fanOut.rest()
    expect(ticksIn(member.socket.text)).toEqual(upTo(RECORDS + 1))
    expect(late.socket.text).toBe(`1!${RECORDS + 1};`)
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
