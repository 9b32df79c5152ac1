import { afterEach, expect, it } from 'vitest'
import { FanOut, type Member, PASS_BUDGET_MS, ticksIn } from '../support/fan-out.js'
import { spec } from '../support/specs.js'

const WRITES_PER_LOOK = 32

let fanOut: FanOut

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

/** Two members, of which the first reads nothing, and is megabytes behind. */
async function oneStuck(): Promise<[Member, Member]> {
  fanOut = new FanOut({ frameRingBytes: 1 << 24 })
  const [slow, live] = await fanOut.members(2)
  const audience = fanOut.audience(slow)
  slow.socket.isStuck = true
  // 250 KB each.
  for (let record = 0; record < 32; record++) await fanOut.tick(audience, 25_000)
  return [slow, live!]
}

/** The same when it has just begun to catch up. */
async function oneFarBehind(): Promise<[Member, Member]> {
  const [slow, live] = await oneStuck()
  slow.socket.open()
  return [slow, live]
}

it('yields between the audiences of one member each, too', async () => {
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
  const giveTime = withoutTime()
  fanOut.transmitter.wake()
  const served = members.filter(({ socket }) => ticksIn(socket.text).length > 0)
  expect(served.length).toBeLessThanOrEqual(WRITES_PER_LOOK)
  giveTime()
  await fanOut.rest()
  for (const { socket } of members) expect(ticksIn(socket.text)).toEqual([1])
})

it('runs once in each turn of the event loop while somebody catches up', async () => {
  const [slow, live] = await oneFarBehind()
  let runs = 0
  fanOut.afterRun = () => {
    runs++
  }
  const giveTime = withoutTime()
  for (let turn = 1; turn <= 4; turn++) {
    await new Promise(setImmediate)
    expect(runs).toBeLessThanOrEqual(turn)
  }
  giveTime()
  await fanOut.rest()
  expect(slow.socket.text).toBe(live.socket.text)
})

it('serves those that are not behind while others catch up', async () => {
  const [slow, live] = await oneFarBehind()
  const giveTime = withoutTime()
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

it('goes on with the pass in hand before others catch up', async () => {
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
  // What it is given takes all the time that a run has, and what the others are given half of it between two looks.
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
    // One look's worth in the first, and then two in each.
    expect(runs).toBeLessThanOrEqual(5)
  }
  await fanOut.rest()
  expect(slow.socket.text).toBe(first.socket.text)
})

it('leaves nothing behind of what a lane publishes while another is served', async () => {
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
  // Each lane comes first in one of the two.
  for (let turn = 1; turn <= 2; turn++) {
    isDue = true
    lanes[1]!.record(second.id)
    await fanOut.turn(lanes[1])
    expect(ticksIn(one.socket.text)).toHaveLength(turn)
    expect(fanOut.isDrained).toBe(true)
  }
})
