import { afterEach, describe, expect, it } from 'vitest'
import { FanOut, type Member, ticksIn, upTo } from '../support/fan-out.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('bytes that a socket holds', () => {
  it('stay as they are while the ring goes round, until the socket drains', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 100; record++) await fanOut.tick(audience, 60)
    expect(fanOut.evicted).toEqual([])
    slow.socket.drain(1)
    expect(ticksIn(slow.socket.text)).toEqual(upTo(60))
  })

  /** As many members as there are segments. Each member holds another segment. */
  async function everySegmentHeld(): Promise<Member[]> {
    start()
    const members = await fanOut.members(8)
    const audience = fanOut.audience(members[0])
    for (let record = 0; record < 40 && fanOut.evicted.length === 0; record++) {
      const next = members.find(({ socket }) => !socket.isStuck)
      if (next !== undefined) next.socket.isStuck = true
      // A segment holds two such records at most.
      await fanOut.tick(audience, 90)
    }
    return members
  }

  it('cost the client that holds them longest its connection when the lane runs out of segments', async () => {
    const members = await everySegmentHeld()
    expect(fanOut.evicted[0]).toBe(members[0]!.recipient)
    expect(fanOut.evicted.length).toBeLessThan(members.length)
    expect(fanOut.streams[0]!.ring.freeSegments()).toBeGreaterThan(0)
  })

  it('are free as soon as their client leaves', async () => {
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
