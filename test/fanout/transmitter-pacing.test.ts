import { afterEach, describe, expect, it } from 'vitest'
import { FanOut } from '../support/fan-out.js'
import { GATHER_MS, MEASURE_MS } from '../support/pacing-stage.js'

it('holds ticks back where the writes of the transmitter take more than half of the time', async () => {
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

describe('prompt turns', () => {
  let fanOut: FanOut

  /** A transmitter that holds ticks back, with two published turns of one member's audience. */
  async function gathering() {
    fanOut = new FanOut({ gatherMs: GATHER_MS })
    const { clock } = fanOut
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    const write = member.socket.write.bind(member.socket)
    member.socket.write = (bytes, callback) => {
      clock.jump(MEASURE_MS / 2 + 1)
      return write(bytes, callback)
    }
    await fanOut.tick(audience)
    clock.advance(MEASURE_MS / 2 - 1)
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

  it('do not count: a lane that is held back may publish one paced turn, and not two', async () => {
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

  it('in which a lane dies leave its successor with turns that count', async () => {
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
