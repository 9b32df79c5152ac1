import { afterEach, describe, expect, it } from 'vitest'
import { FanOut, type Member, ticksIn, upTo } from '../support/fan-out.js'
import { changeTo, spec } from '../support/specs.js'
import { COUNT, served, suspendedPass } from '../support/suspended-pass.js'

const WRITES_PER_LOOK = 32

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

describe('a reply in a prompt turn', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const REPLY = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  it('overtakes records that are not for its client', async () => {
    const { members, giveTime } = await suspendedPass(start())
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

  it('is given at the next look of the current pass at the clock', async () => {
    const { lane } = start()
    const members = await fanOut.members(COUNT)
    const late = fanOut.connect()
    let writes = 0
    for (const { socket } of members) {
      const write = socket.write.bind(socket)
      socket.write = (bytes, callback) => {
        // The lane publishes the reply while the first member is written to.
        if (writes++ === 0) lane.obeyPromptly()
        return write(bytes, callback)
      }
    }
    watchOrder([...members, late])
    await fanOut.tick(fanOut.audience(members[0]))
    expect(order([...members, late]).indexOf(late)).toBeLessThanOrEqual(WRITES_PER_LOOK)
  })

  it.each(['has', 'has not'])(
    "follows all records of its client's audience, whether or not its client has got them: %s",
    async has => {
      const { members, giveTime } = await suspendedPass(start())
      const before = new Set(served(members))
      const mover = members.find(member => before.has(member) === (has === 'has'))!
      const first = fanOut.audience(mover)
      fanOut.membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
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

  it('waits when records before it block its client, which gets these records once', async () => {
    const { members, giveTime } = await suspendedPass(start())
    const before = new Set(served(members))
    const mover = members.find(member => !before.has(member))!
    const first = fanOut.audience(mover)
    fanOut.membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
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

  it('are sent in their order, and later records after them', async () => {
    const { lane } = start({ frameRingBytes: 1 << 20 })
    const [member] = await fanOut.members(1)
    for (let record = 0; record < RECORDS; record++)
      expect(lane.record(fanOut.audience(member).id)).toBe(true)
    lane.endTurn()
    const late = fanOut.connect()
    lane.obeyPromptly({ gathered: [fanOut.audience(member).id] })
    const giveTime = fanOut.withoutTime()
    fanOut.transmitter.wake()
    // The reply stands too far behind.
    expect(late.socket.text).toBe('')
    giveTime()
    await fanOut.rest()
    expect(ticksIn(member.socket.text)).toEqual(upTo(RECORDS + 1))
    expect(late.socket.text).toBe(`1!${RECORDS + 1};`)
  })
})
