import { afterEach, describe, expect, it } from 'vitest'
import { type LagLimits, NO_LIMITS } from '../../src/fanout/recipient.js'
import { FanOut, type Member, PASS_BUDGET_MS, ticksIn, upTo } from '../support/fan-out.js'
import { spec } from '../support/specs.js'

const WRITES_PER_LOOK = 32

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
    expect(fanOut.transmitter.isDrained).toBe(true)
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

describe('a pass that runs out of time', () => {
  const COUNT = 100

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

  const served = (members: readonly Member[]) =>
    members.filter(({ socket }) => ticksIn(socket.text).length > 0)

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
    const [link] = fanOut.links
    const giveTime = withoutTime()
    // Without the end of its turn, as a lane that died leaves it.
    fanOut.lane.record(fanOut.audience(members[0]).id)
    fanOut.lane.publish()
    fanOut.transmitter.wake()
    expect([fanOut.transmitter.isDrained, fanOut.transmitter.isTransmitted(link!)]).toEqual([false, false])
    giveTime()
    await fanOut.rest()
    expect([fanOut.transmitter.isDrained, fanOut.transmitter.isTransmitted(link!)]).toEqual([true, true])
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
    expect(fanOut.transmitter.isDrained).toBe(false)
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
      expect([fanOut.transmitter.isTransmitted(fanOut.links[0]!), slow.recipient.nextRecord]).toEqual([
        false,
        1,
      ])
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

describe('a blocked member', () => {
  it('is not written to, and gets all it missed in merged writes once it drains', async () => {
    start()
    const [slow, fast] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let tick = 0; tick < 20; tick++) await fanOut.tick(audience)
    expect(slow.socket.writeLengths).toEqual([4, 4])
    slow.socket.open()
    await fanOut.rest()
    expect(slow.socket.text).toBe(fast!.socket.text)
    // One write for all that lies side by side.
    expect(slow.socket.writeLengths).toHaveLength(3)
    expect(fanOut.lapped).toEqual([])
    expect(fanOut.count('ticksBroadcast')).toBe(40)
    expect(fanOut.count('messages')).toBe(40)
    expect(fanOut.count('writesBlocked')).toBe(1)
    expect(fanOut.count('bytesSent')).toBe(Buffer.byteLength(slow.socket.text + fast!.socket.text))
  })

  it('goes on with the others after it has caught up', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    slow.socket.open()
    await fanOut.rest()
    await fanOut.tick(audience)
    expect(ticksIn(slow.socket.text)).toEqual([1, 2, 3])
    expect(fanOut.transmitter.isDrained).toBe(true)
  })

  it('stays blocked while what was written since it blocked has not drained', async () => {
    start()
    const [slow] = await fanOut.members(1)
    const { recipient, socket } = slow
    const audience = fanOut.audience(slow)
    socket.isStuck = true
    await fanOut.tick(audience)
    // A pong, an error message: somebody else writes, too.
    socket.write(Buffer.from('{}'))
    socket.drain(2)
    expect(socket.writableLength).toBeGreaterThan(0)
    expect(recipient.isBlocked).toBe(true)
    socket.drain()
    expect(recipient.isBlocked).toBe(false)
    await fanOut.rest()
  })

  it('falls behind again from where it stopped when it blocks while it catches up', async () => {
    start()
    const [slow] = await fanOut.members(1)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let tick = 0; tick < 3; tick++) await fanOut.tick(audience, 60)
    slow.socket.drain()
    await fanOut.tick(audience, 60)
    slow.socket.drain()
    await fanOut.tick(audience, 60)
    slow.socket.open()
    await fanOut.rest()
    expect(ticksIn(slow.socket.text)).toEqual(upTo(300))
    expect(fanOut.lapped).toEqual([])
  })

  it('is told as the longest blocked first', async () => {
    start()
    const [first, second] = await fanOut.members(2)
    const audience = fanOut.audience(first)
    second!.socket.isStuck = true
    await fanOut.tick(audience)
    fanOut.clock.advance(5)
    first.socket.isStuck = true
    await fanOut.tick(audience)
    expect([...fanOut.transmitter.blockedRecipients()]).toEqual([second!.recipient, first.recipient])
    expect(first.recipient.blockedSinceMs - second!.recipient.blockedSinceMs).toBe(5)
  })

  it('counts a write that fails, and stays as it is until it leaves', async () => {
    start()
    const [member] = await fanOut.members(1)
    member.socket.isStuck = true
    await fanOut.tick(fanOut.audience(member))
    member.socket.fail(new Error('EPIPE'))
    expect(fanOut.count('broadcastErrors')).toBe(1)
    expect(fanOut.transmitter.isDrained).toBe(false)
    fanOut.leave(member.recipient)
    expect(fanOut.transmitter.isDrained).toBe(true)
  })

  it('tells that all is drained when its last write is', async () => {
    start()
    const [member] = await fanOut.members(1)
    member.socket.isStuck = true
    await fanOut.tick(fanOut.audience(member))
    let told = 0
    fanOut.afterRun = () => {
      if (fanOut.transmitter.isDrained) told++
    }
    member.socket.open()
    await fanOut.rest()
    expect(told).toBe(1)
  })

  it('gets no more frames once muted, while what it has still drains', async () => {
    start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    member.socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    fanOut.transmitter.mute(member.recipient)
    fanOut.membership.leave(member.recipient)
    member.socket.open()
    await fanOut.rest()
    expect(ticksIn(member.socket.text)).toEqual([1])
    expect(fanOut.transmitter.isDrained).toBe(true)
  })
})

describe('a member that bounds how far it may be behind', () => {
  /** It has joined with another that has no bounds, and takes nothing. */
  async function stuck(limits: Partial<LagLimits>): Promise<[Member, Member]> {
    start()
    const other = fanOut.connect()
    const slow = fanOut.connect(undefined, { limits: { ...NO_LIMITS, ...limits } })
    fanOut.lane.obey()
    await fanOut.turn()
    slow.socket.isStuck = true
    // Written to it, and held by its socket from now on: it is not behind by that.
    await received(slow)
    return [slow, other]
  }

  /** One record of ticks that came in now, of four bytes each as long as there are few. */
  async function received(member: Member, ticks = 1): Promise<void> {
    fanOut.lane.record(fanOut.audience(member).id, ticks, fanOut.clock.epochUs())
    await fanOut.turn()
  }

  /** It takes all that it is given, also what a lane answers that is asked to go on with it. */
  async function reads(slow: Member): Promise<void> {
    slow.socket.open()
    await fanOut.rest()
    fanOut.lane.obey()
    await fanOut.turn()
  }

  it('is given all when it is no more bytes behind than that', async () => {
    const [slow, other] = await stuck({ lagBytesMax: 12 })
    for (let tick = 2; tick <= 4; tick++) await received(slow)
    await reads(slow)
    expect(slow.socket.text).toBe(other.socket.text)
    expect(fanOut.lapped).toEqual([])
  })

  it('is told what it missed when it is one byte more behind, and goes on from there', async () => {
    const [slow, other] = await stuck({ lagBytesMax: 11 })
    for (let tick = 2; tick <= 4; tick++) await received(slow)
    await reads(slow)
    await received(slow)
    expect(slow.socket.text).toBe('1!0;1:1;1?3;1:5;')
    expect(ticksIn(other.socket.text)).toEqual(upTo(5))
    expect([fanOut.count('lapped'), fanOut.count('ticksDroppedSlow')]).toEqual([1, 3])
  })

  it('is given all when the oldest of it is no older than that', async () => {
    const [slow, other] = await stuck({ ageMsMax: 10 })
    await received(slow)
    fanOut.clock.advance(10)
    await received(slow)
    await reads(slow)
    expect(slow.socket.text).toBe(other.socket.text)
    expect(fanOut.lapped).toEqual([])
  })

  it('is told what it missed when the oldest of it is older, also of what is young', async () => {
    const [slow] = await stuck({ ageMsMax: 10 })
    await received(slow)
    fanOut.clock.advance(11)
    await received(slow)
    await reads(slow)
    await received(slow)
    expect(slow.socket.text).toBe('1!0;1:1;1?2;1:4;')
  })

  it('is told only of what it has not been given yet when that grows too old while it catches up', async () => {
    const [slow] = await stuck({ ageMsMax: 10 })
    // Four records in two segments of the ring, and so in two writes.
    for (let record = 0; record < 4; record++) await received(slow, 80)
    // It takes the first write to its end: now it is given the second, and takes none of it.
    slow.socket.drain(2)
    await fanOut.rest()
    fanOut.clock.advance(11)
    await reads(slow)
    await received(slow)
    expect(ticksIn(slow.socket.text)).toEqual([...upTo(161), 322])
    expect(slow.socket.text).toContain('1:161;1?160;1:322;')
  })

  it('is given a record without ticks, however old', async () => {
    const [slow, other] = await stuck({ ageMsMax: 10 })
    await fanOut.tick(fanOut.audience(slow))
    fanOut.clock.advance(1000)
    await reads(slow)
    expect(slow.socket.text).toBe(other.socket.text)
  })
})

describe('a member that the ring has overtaken', () => {
  /** A socket that takes nothing until the ring has gone on by more than its length; it holds only its own first write. */
  async function lapped(): Promise<Member[]> {
    start()
    const members = await fanOut.members(2)
    const [slow] = members
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 40; record++) await fanOut.tick(audience, 60)
    return members
  }

  it('is told exactly what it missed when it reads again, and goes on from there', async () => {
    const [slow] = await lapped()
    const { recipient, socket } = slow!
    expect(fanOut.cutOff).toEqual([])
    socket.open()
    await fanOut.rest()
    expect(fanOut.lapped).toEqual([
      {
        recipient,
        progress: { ticksTotal: 60, lostTotal: 0, unknownLosses: 0, lastOffset: 60, flushedOffset: 0 },
      },
    ])
    expect(fanOut.lane.commands).toEqual([
      {
        op: 'join',
        audience: 1,
        leaving: 1,
        client: recipient.id,
        name: recipient.name,
        join: 2,
        fellBehindAt: fanOut.lapped[0]!.progress,
        replay: null,
        answers: [],
      },
    ])
    await fanOut.tick(fanOut.audience(slow!))
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(slow!))
    // 41 records were out when the lane answered: 2401 ticks, of which it had 60.
    expect(socket.text.slice(socket.text.indexOf('?') - 1)).toBe('1?2341;1:2402;')
    expect(ticksIn(socket.text)).toEqual([...upTo(60), 2402])
    expect(fanOut.count('lapped')).toBe(1)
    expect(fanOut.count('ticksDroppedSlow')).toBe(2341)
    expect(recipient.progress).toBeUndefined()
  })

  it('does not hold up those that read', async () => {
    const [, fast] = await lapped()
    expect(ticksIn(fast!.socket.text)).toEqual(upTo(2400))
  })

  it('ignores an answer that was meant for an earlier request', async () => {
    const [slow] = await lapped()
    slow!.socket.open()
    await fanOut.rest()
    const stale = fanOut.lane.commands.splice(0)
    fanOut.membership.lapped(slow!.recipient)
    const fresh = fanOut.lane.commands.splice(0)
    fanOut.lane.commands.push(...stale)
    fanOut.lane.obey()
    await fanOut.turn()
    expect(slow!.socket.text).not.toContain('?')
    fanOut.lane.commands.push(...fresh)
    fanOut.lane.obey()
    await fanOut.turn()
    expect(slow!.socket.text).toContain('?')
  })

  it('ignores an answer that a lane repeats', async () => {
    start()
    const member = fanOut.connect()
    const [, join] = fanOut.lane.commands
    fanOut.lane.obey()
    fanOut.lane.commands.push(join!)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(member))
    expect(member.socket.text).toBe('1!0;1:1;')
  })

  it('ignores an answer to one that has left', async () => {
    start()
    const member = fanOut.connect()
    const other = fanOut.connect()
    fanOut.lane.obey()
    fanOut.leave(member.recipient)
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(other))
    expect(member.socket.text).toBe('')
    expect(other.socket.text).toBe('1!0;1:1;')
  })
})

describe('bytes that a socket holds', () => {
  it('stay as they are while the ring goes round, until they are let go', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 100; record++) await fanOut.tick(audience, 60)
    expect(fanOut.cutOff).toEqual([])
    slow.socket.drain(1)
    expect(ticksIn(slow.socket.text)).toEqual(upTo(60))
  })

  /** As many members as there are segments, each of which holds another one. */
  async function everySegmentHeld(): Promise<Member[]> {
    start()
    const members = await fanOut.members(8)
    const audience = fanOut.audience(members[0])
    for (let record = 0; record < 40 && fanOut.cutOff.length === 0; record++) {
      const next = members.find(({ socket }) => !socket.isStuck)
      if (next !== undefined) next.socket.isStuck = true
      // A segment holds two such records at the most.
      await fanOut.tick(audience, 90)
    }
    return members
  }

  it('cost the longest holder its connection when the lane runs out of segments', async () => {
    const members = await everySegmentHeld()
    expect(fanOut.cutOff[0]).toBe(members[0]!.recipient)
    expect(fanOut.cutOff.length).toBeLessThan(members.length)
    expect(fanOut.links[0]!.ring.freeSegments()).toBeGreaterThan(0)
  })

  it('are free as soon as their holder leaves', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 40; record++) await fanOut.tick(audience, 60)
    const before = fanOut.links[0]!.ring.freeSegments()
    fanOut.leave(slow.recipient)
    expect(slow.recipient.pins).toEqual([])
    expect(fanOut.links[0]!.ring.freeSegments()).toBe(before + 1)
  })
})

describe('a member that goes over to another audience', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  async function asked() {
    const { lane, links, membership } = start()
    const [mover, other] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    membership.move(mover.recipient, B, ANSWER, 100)
    return { lane, mover, other: other!, first, second: () => links[0]!.audiences.get(first.id + 1)! }
  }

  it('gets every record of the old one up to the answer, and every one of the new one after it', async () => {
    const { lane, mover, other, first, second } = await asked()
    lane.record(first.id)
    lane.record(second().id)
    lane.obey()
    lane.record(first.id)
    lane.record(second().id)
    await fanOut.turn()
    await fanOut.tick(first)
    await fanOut.tick(second())
    expect(mover.socket.text).toBe('1!0;1:1;2!1;2:2;2:3;')
    expect(other.socket.text).toBe('1!0;1:1;1:2;1:3;')
    expect(fanOut.audience(mover)).toBe(second())
  })

  it('gets the rest of the old one first when it is behind as the answer comes', async () => {
    const { lane, mover, first, second } = await asked()
    mover.socket.isStuck = true
    await fanOut.tick(first)
    await fanOut.tick(first)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(first)
    mover.socket.open()
    await fanOut.rest()
    expect(mover.socket.text).toBe('1!0;1:1;1:2;1:3;')
    expect(fanOut.audience(mover)).toBe(first)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(second())
    await fanOut.tick(first)
    expect(mover.socket.text).toBe('1!0;1:1;1:2;1:3;2!0;2:1;')
  })

  it('is given nothing while it is blocked, however often it asks', async () => {
    const { lane, membership } = start()
    const [mover] = await fanOut.members(1)
    mover.socket.isStuck = true
    await fanOut.tick(fanOut.audience(mover))
    for (let round = 0; round < 10; round++) {
      membership.move(mover.recipient, B, ANSWER, 100)
      lane.obey()
      await fanOut.turn()
    }
    expect(mover.socket.writeLengths).toEqual([4, 4])
    mover.socket.open()
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toMatch(/^1!0;1:1;\d+!0;$/)
  })

  it('takes what it was given first when it is blocked as the answer comes', async () => {
    const { lane, mover, first } = await asked()
    mover.socket.isStuck = true
    await fanOut.tick(first)
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.writeLengths).toEqual([4, 4])
    expect(fanOut.audience(mover)).toBe(first)
    mover.socket.open()
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toBe('1!0;1:1;2!0;')
  })

  it('is answered, though it reads so slowly that each turn blocks it', async () => {
    const { lane, mover, first, second } = await asked()
    for (let turn = 0; turn < 2; turn++) {
      mover.socket.isStuck = true
      lane.record(first.id)
      lane.obey()
      await fanOut.turn()
      mover.socket.open()
    }
    await fanOut.tick(second())
    expect(mover.socket.text).toBe('1!0;1:1;1:2;2!0;2:1;')
  })

  it('gets the whole of an answer whose first part blocks it', async () => {
    const { lane, mover, second } = await asked()
    const [, join] = lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('nothing was asked')
    lane.ticksTotals.set(join.audience, 0)
    lane.answer(join, 3)
    mover.socket.isStuck = true
    await fanOut.turn()
    mover.socket.open()
    await fanOut.tick(second())
    expect(lane.commands.filter(({ op }) => op === 'join')).toEqual([])
    expect(mover.socket.text).toBe('1!0;2!0;2+;2+;2:1;')
  })
})

describe('a client that resumes', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  const resuming = () => fanOut.connect(undefined, { replay: { offset: 0, seq: 0, continuity: null } })

  /** The joins that the lane was told of since the last call. */
  const joins = () => fanOut.lane.commands.splice(0).flatMap(each => (each.op === 'join' ? [each] : []))

  it('is given part after part as it takes them', async () => {
    const { lane } = start()
    const { recipient, socket } = resuming()
    for (let part = 1; part <= 3; part++) {
      const [join] = joins()
      expect(join).toMatchObject({ client: recipient.id, replay: { seq: part - 1 } })
      lane.replay(join!)
      await fanOut.turn()
    }
    expect(socket.text).toBe('1~;1~;1~;')
  })

  it('stops its own replay while it does not read, whatever it asks for', async () => {
    const { lane, membership } = start()
    const { recipient, socket } = resuming()
    socket.isStuck = true
    lane.replay(joins()[0]!)
    await fanOut.turn()
    membership.move(recipient, B, ANSWER, 100)
    expect(joins()).toEqual([])
    socket.open()
    expect(joins()).toMatchObject([{ client: recipient.id, replay: { seq: 1 } }])
  })

  it.each(['the first', 'a later'])(
    'holds up no others when it closes before it is given %s part',
    async which => {
      const { lane } = start()
      const clients = [resuming(), resuming(), resuming()]
      if (which === 'a later') {
        for (let part = 0; part < 3; part++) {
          for (const join of joins()) lane.replay(join)
          await fanOut.turn()
        }
      }
      const asked = joins()
      const closing = clients.filter(({ recipient }) => asked.some(({ client }) => client === recipient.id))
      expect(closing).toHaveLength(2)
      for (const { socket } of closing) socket.writable = false
      for (const join of asked) lane.replay(join)
      await fanOut.turn()
      const [other] = clients.filter(each => !closing.includes(each))
      expect(joins()).toMatchObject([{ client: other!.recipient.id }])
      for (const { recipient } of clients) fanOut.leave(recipient)
      expect(fanOut.membership.audienceCount).toBe(0)
    },
  )
})

describe('a client that joins in the midst of an interval', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const
  const AT_TICK = { lostTotal: 0, unknownLosses: 0 }

  /** One is a member; the other was answered after one tick and waits. */
  async function waiting() {
    const { lane, membership } = start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    await fanOut.tick(audience)
    const newcomer = fanOut.connect()
    lane.newcomersWait = true
    lane.obey()
    await fanOut.turn()
    lane.newcomersWait = false
    return { audience, lane, member, membership, newcomer }
  }

  it('does not get what the others waited for, and asks anew then, once', async () => {
    const { audience, lane, newcomer } = await waiting()
    expect(lane.commands).toEqual([])
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    const { join } = newcomer.recipient
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, lastOffset: 1, flushedOffset: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'join', audience: 1, leaving: 1, join, fellBehindAt, answers: [] },
    ])
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(newcomer.socket.text).toBe('1!1;1?2;1:4;')
    expect([fanOut.count('lapped'), fanOut.count('skippedAhead')]).toEqual([0, 0])
    expect(audience.clientCount).toBe(2)
  })

  it('may ask for something else meanwhile, from where it waits', async () => {
    const { audience, lane, membership, newcomer } = await waiting()
    membership.move(newcomer.recipient, B, ANSWER, 100)
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, lastOffset: 1, flushedOffset: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'open', audience: 2 },
      { op: 'join', audience: 2, leaving: 1, fellBehindAt, answers: [ANSWER] },
    ])
    await fanOut.tick(audience)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(lane.commands).toEqual([])
    await fanOut.tick(fanOut.audience(newcomer))
    expect(newcomer.socket.text).toBe('1!1;2?-1;2:1;')
    expect([fanOut.count('lapped'), fanOut.count('skippedAhead')]).toEqual([0, 0])
    expect([audience.clientCount, newcomer.recipient.progress]).toEqual([1, undefined])
  })

  it('asks for nothing when it has left, or while it is blocked', async () => {
    const { audience, lane, newcomer } = await waiting()
    const blocked = fanOut.connect()
    lane.newcomersWait = true
    blocked.socket.isStuck = true
    lane.obey()
    await fanOut.turn()
    lane.newcomersWait = false
    fanOut.leave(newcomer.recipient)
    expect([...audience.newcomers]).toEqual([blocked.recipient])
    await fanOut.tick(audience)
    expect(lane.commands).toEqual([])
    blocked.socket.open()
    await fanOut.tick(audience)
    expect(lane.commands).toMatchObject([{ op: 'join', client: blocked.recipient.id }])
  })
})

describe('a lane that dies in the midst of an answer', () => {
  const B = spec({ symbols: ['B'], batch: true, latest: [{ intervalMs: 100, symbols: ['C*'] }] })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: true } as const

  /** One of two has asked for another audience and was given the first part of the answer, when the lane dies. */
  async function half({ newcomersWait = false } = {}) {
    const { membership, links } = start()
    const [mover] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    await fanOut.tick(first)
    membership.move(mover.recipient, B, ANSWER, 100)
    const [open, join] = fanOut.lane.commands.splice(0)
    if (open?.op !== 'open' || join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    fanOut.lane.newcomersWait = newcomersWait
    fanOut.lane.beginAnswer(join)
    return { mover, first, join, second: links[0]!.audiences.get(join.audience)! }
  }

  const joins = () => fanOut.lane.commands.filter(({ op }) => op === 'join')

  it('has let the client in: it gets what comes from there, and a whole snapshot', async () => {
    const { mover, first, join, second } = await half()
    await fanOut.laneDies()
    expect(joins()).toMatchObject([
      {
        ...{ audience: second.id, leaving: second.id, fellBehindAt: null },
        answers: [{ type: 'snapshot' }],
      },
    ])
    // What the successor answers to the command that it reads again is for nobody.
    fanOut.lane.answer(join)
    fanOut.lane.record(first.id)
    await fanOut.tick(second)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2:1;2!1;2:2;')
  })

  it('has the client wait that was told to', async () => {
    const { mover, second } = await half({ newcomersWait: true })
    await fanOut.laneDies()
    expect(joins()).toMatchObject([{ audience: second.id, fellBehindAt: { lastOffset: 0 } }])
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;')
    expect(mover.recipient.waitsIn).toBe(second)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2?1;2:2;')
  })

  it('has a client that asked for more meanwhile go on to that, with the snapshot', async () => {
    const { mover } = await half()
    const C = spec({ symbols: ['C'], batch: true })
    const TO_C = { type: 'subscribed', symbols: ['C'], delivery: 'every', snapshot: false } as const
    fanOut.membership.move(mover.recipient, C, TO_C, 100)
    await fanOut.laneDies()
    expect(joins()).toMatchObject([{ answers: [TO_C, { type: 'snapshot' }] }])
  })

  it('does not lose the client that its first part has blocked', async () => {
    const { mover, second } = await half()
    mover.socket.isStuck = true
    await fanOut.laneDies()
    expect(joins()).toEqual([])
    await fanOut.tick(second)
    mover.socket.open()
    await fanOut.rest()
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2:1;')
    expect(joins()).toHaveLength(1)
  })

  it('changes nothing for those who were answered to the end, have left, or are of another lane', async () => {
    start({ laneCount: 2 })
    const [stays, leaves] = [fanOut.connect(), fanOut.connect(B)]
    for (const lane of fanOut.lanes) {
      for (const command of lane.commands.splice(0)) {
        if (command.op === 'open') lane.ticksTotals.set(command.audience, 0)
        else if (command.op === 'join') lane.answer(command, 3)
      }
    }
    await fanOut.turn()
    fanOut.leave(leaves.recipient)
    const other = fanOut.connect(B)
    const lane = fanOut.lanes[1]!
    const asked = lane.commands.find(({ op }) => op === 'join')
    if (asked?.op !== 'join') throw new Error('nothing was asked of the other lane')
    lane.ticksTotals.set(asked.audience, 0)
    lane.beginAnswer(asked)
    lane.publish()
    await fanOut.laneDies()
    expect(other.recipient.halfWay).toBeDefined()
    expect(stays.recipient.asked).toBeUndefined()
    expect(other.recipient.asked).toBeDefined()
    expect(fanOut.lanes.flatMap(({ commands }) => commands).filter(({ op }) => op === 'join')).toHaveLength(1)
  })

  it('has a client that resumes be given the rest from where it is', async () => {
    start()
    const { recipient, socket } = fanOut.connect(B, { replay: { offset: 0, seq: 0, continuity: null } })
    const [, join] = fanOut.lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    // Three messages of the live stream, which the snapshot says goes on from there.
    for (let tick = 0; tick < 3; tick++) fanOut.lane.record(join.audience)
    fanOut.lane.replay(join, true)
    await fanOut.laneDies()
    fanOut.lane.replay(join, true)
    await fanOut.turn()
    expect(joins()).toMatchObject([
      { client: recipient.id, replay: { offset: 3, seq: 3, continuity: { lastPosition: 3 } }, answers: [] },
    ])
    expect(socket.text).toBe('1~;')
  })
})
