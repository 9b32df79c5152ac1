import { afterEach, describe, expect, it } from 'vitest'
import { type LagLimits, NO_LIMITS } from '../../src/fanout/recipient.js'
import { FanOut, type Member, ticksIn, upTo } from '../support/fan-out.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a member with lag limits', () => {
  /** A member with these limits, which takes nothing, and one without limits. */
  async function stuck(limits: Partial<LagLimits>): Promise<[Member, Member]> {
    start()
    const other = fanOut.connect()
    const slow = fanOut.connect(undefined, { limits: { ...NO_LIMITS, ...limits } })
    fanOut.lane.obey()
    await fanOut.turn()
    slow.socket.isStuck = true
    // Its socket holds this record: the member is not behind yet.
    await received(slow)
    return [slow, other]
  }

  /** Sends one record of ticks that come in now. A tick takes four bytes while its number has one digit. */
  async function received(member: Member, ticks = 1): Promise<void> {
    fanOut.lane.record(fanOut.audience(member).id, ticks, fanOut.clock.epochUs())
    await fanOut.turn()
  }

  /** The member takes all bytes, also the lane's reply. */
  async function reads(slow: Member): Promise<void> {
    slow.socket.open()
    await fanOut.rest()
    fanOut.lane.obey()
    await fanOut.turn()
  }

  it('gets all records while it is as many bytes behind as it may be', async () => {
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

  it('gets all records while the oldest tick is as old as it may be', async () => {
    const [slow, other] = await stuck({ ageMsMax: 10 })
    await received(slow)
    fanOut.clock.advance(10)
    await received(slow)
    await reads(slow)
    expect(slow.socket.text).toBe(other.socket.text)
    expect(fanOut.recovered).toEqual([])
  })

  it('is told what it missed when the oldest tick is older, younger ticks included', async () => {
    const [slow] = await stuck({ ageMsMax: 10 })
    await received(slow)
    fanOut.clock.advance(11)
    await received(slow)
    await reads(slow)
    await received(slow)
    expect(slow.socket.text).toBe('1!0;1:1;1?2;1:4;')
  })

  it('is told only of ticks that it was not given when they grow too old while it catches up', async () => {
    const [slow] = await stuck({ ageMsMax: 10 })
    // Four records in two segments of the ring, and so in two writes.
    for (let record = 0; record < 4; record++) await received(slow, 80)
    // It takes the first write. Then it is given the second one, and takes none of it.
    slow.socket.drain(2)
    await fanOut.rest()
    fanOut.clock.advance(11)
    await reads(slow)
    await received(slow)
    expect(ticksIn(slow.socket.text)).toEqual([...upTo(161), 322])
    expect(slow.socket.text).toContain('1:161;1?160;1:322;')
  })

  it('gets a record without ticks, however old', async () => {
    const [slow, other] = await stuck({ ageMsMax: 10 })
    await fanOut.tick(fanOut.audience(slow))
    fanOut.clock.advance(1000)
    await reads(slow)
    expect(slow.socket.text).toBe(other.socket.text)
  })
})
