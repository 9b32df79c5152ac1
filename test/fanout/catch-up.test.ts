import { afterEach, describe, expect, it } from 'vitest'
import { type LagLimits, NO_LIMITS } from '../../src/fanout/recipient.js'
import { FanOut, type Member, ticksIn, upTo } from '../support/fan-out.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

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
    expect(fanOut.recovered).toEqual([])
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
    expect(fanOut.isDrained).toBe(true)
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
    expect(fanOut.recovered).toEqual([])
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
    expect(fanOut.isDrained).toBe(false)
    fanOut.leave(member.recipient)
    expect(fanOut.isDrained).toBe(true)
  })

  it('tells that all is drained when its last write is', async () => {
    start()
    const [member] = await fanOut.members(1)
    member.socket.isStuck = true
    await fanOut.tick(fanOut.audience(member))
    let told = 0
    fanOut.afterRun = () => {
      if (fanOut.isDrained) told++
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
    expect(fanOut.isDrained).toBe(true)
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
    expect(fanOut.recovered).toEqual([])
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
    expect(fanOut.recovered).toEqual([])
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
    expect(fanOut.evicted).toEqual([])
    socket.open()
    await fanOut.rest()
    expect(fanOut.recovered).toEqual([
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
        fellBehindAt: fanOut.recovered[0]!.progress,
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
    expect(recipient.cursor.progress).toBeUndefined()
  })

  it('has been sent all only when it has been told what it missed', async () => {
    const [slow, fast] = await lapped()
    const { transmitter } = fanOut
    expect(transmitter.hasSentAll(fast!.recipient)).toBe(true)
    expect(transmitter.hasSentAll(slow!.recipient)).toBe(false)
    slow!.socket.open()
    await fanOut.rest()
    // It waits for the lane's answer, and nothing of its is in its socket.
    expect([slow!.socket.writableLength, transmitter.hasSentAll(slow!.recipient)]).toEqual([0, false])
    fanOut.lane.obey()
    await fanOut.turn()
    expect(transmitter.hasSentAll(slow!.recipient)).toBe(true)
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
    fanOut.membership.recover(slow!.recipient)
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
    expect(fanOut.evicted).toEqual([])
    slow.socket.drain(1)
    expect(ticksIn(slow.socket.text)).toEqual(upTo(60))
  })

  /** As many members as there are segments, each of which holds another one. */
  async function everySegmentHeld(): Promise<Member[]> {
    start()
    const members = await fanOut.members(8)
    const audience = fanOut.audience(members[0])
    for (let record = 0; record < 40 && fanOut.evicted.length === 0; record++) {
      const next = members.find(({ socket }) => !socket.isStuck)
      if (next !== undefined) next.socket.isStuck = true
      // A segment holds two such records at the most.
      await fanOut.tick(audience, 90)
    }
    return members
  }

  it('cost the longest holder its connection when the lane runs out of segments', async () => {
    const members = await everySegmentHeld()
    expect(fanOut.evicted[0]).toBe(members[0]!.recipient)
    expect(fanOut.evicted.length).toBeLessThan(members.length)
    expect(fanOut.streams[0]!.ring.freeSegments()).toBeGreaterThan(0)
  })

  it('are free as soon as their holder leaves', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 40; record++) await fanOut.tick(audience, 60)
    const before = fanOut.streams[0]!.ring.freeSegments()
    fanOut.leave(slow.recipient)
    expect(slow.recipient.pins).toEqual([])
    expect(fanOut.streams[0]!.ring.freeSegments()).toBe(before + 1)
  })
})
