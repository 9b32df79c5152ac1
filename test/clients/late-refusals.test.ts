import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { LATE_REFUSALS_MAX, LateRefusals, REFUSED_AFTER_MS } from '../../src/clients/late-refusals.js'
import { FakeClock } from '../support/fake-clock.js'

let clock: FakeClock
let refused: unknown[]
let refusals: LateRefusals

beforeEach(() => {
  clock = new FakeClock()
  refused = []
  refusals = new LateRefusals(clock, socket => refused.push(socket))
})

describe('late refusals', () => {
  it('come after their time, once', () => {
    const socket = new PassThrough()
    refusals.add(socket)
    clock.advance(REFUSED_AFTER_MS - 1)
    expect(refused).toEqual([])
    clock.advance(1)
    expect(refused).toEqual([socket])
    refusals.flush()
    expect([refused, refusals.count, clock.timerCount]).toEqual([[socket], 0, 0])
  })

  it('do not come to a client that has gone, whose connection may have broken', async () => {
    const socket = new PassThrough()
    refusals.add(socket)
    socket.destroy(new Error('read ECONNRESET'))
    await new Promise(resolve => socket.once('close', resolve))
    clock.advance(REFUSED_AFTER_MS)
    expect([refused, refusals.count, clock.timerCount]).toEqual([[], 0, 0])
  })

  it('come at once to the oldest when too many wait, and to all at the end', () => {
    const sockets = Array.from({ length: LATE_REFUSALS_MAX + 1 }, () => new PassThrough())
    for (const socket of sockets) refusals.add(socket)
    expect([refused, refusals.count]).toEqual([[sockets[0]], LATE_REFUSALS_MAX])
    refusals.flush()
    expect([refused, refusals.count, clock.timerCount]).toEqual([sockets, 0, 0])
  })
})
