import { afterEach, describe, expect, it } from 'vitest'
import { FanOut, ticksIn } from '../support/fan-out.js'
import { spec } from '../support/specs.js'
import { COUNT, served, suspendedPass } from '../support/suspended-pass.js'

const WRITES_PER_LOOK = 32

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a pass that runs out of time', () => {
  it('yields to the event loop and goes on exactly where it was', async () => {
    const { members } = await suspendedPass(start())
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
    const [stream] = fanOut.streams
    const giveTime = fanOut.withoutTime()
    // A lane that died leaves its turn without an end.
    fanOut.lane.record(fanOut.audience(members[0]).id)
    fanOut.lane.publish()
    fanOut.transmitter.wake()
    expect([fanOut.isDrained, stream!.isTransmitted]).toEqual([false, false])
    giveTime()
    await fanOut.rest()
    expect([fanOut.isDrained, stream!.isTransmitted]).toEqual([true, true])
  })

  it('goes on with the members that are left when some leave meanwhile', async () => {
    const { members, giveTime } = await suspendedPass(start())
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

  it('ends before clients join that asked meanwhile', async () => {
    const { members, giveTime } = await suspendedPass(start())
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

  it('gives its record once to a member that drains before the pass comes to it', async () => {
    start()
    const members = await fanOut.members(COUNT)
    const audience = fanOut.audience(members[0])
    // Blocked by the first record and behind by the second when the pass of the third is suspended.
    for (const { socket } of members.slice(50, 60)) socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    const giveTime = fanOut.withoutTime()
    fanOut.lane.record(audience.id)
    fanOut.lane.endTurn()
    fanOut.transmitter.wake()
    for (const { socket } of members.slice(50, 60)) socket.open()
    await new Promise(setImmediate)
    giveTime()
    await fanOut.rest()
    for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1, 2, 3])
  })

  it('gives its record once to a member that was blocked and drains before the pass ends', async () => {
    start()
    const members = await fanOut.members(COUNT)
    const audience = fanOut.audience(members[0])
    for (const { socket } of members) socket.isStuck = true
    await fanOut.tick(audience)
    for (const { socket } of members.slice(COUNT / 2)) socket.open()
    const giveTime = fanOut.withoutTime()
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
    'delays no member on another lane, whose records have the same numbers: %i',
    async recordsBefore => {
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
      for (let record = 0; record < recordsBefore; record++) {
        lanes[0]!.record(one.id)
        await fanOut.turn(lanes[0])
      }
      lanes[0]!.record(one.id)
      lanes[0]!.endTurn()
      const giveTime = fanOut.withoutTime()
      fanOut.transmitter.wake()
      // The pass of a record of the first lane has begun. The client is behind from record 1 of the second lane on.
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
