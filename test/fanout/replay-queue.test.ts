import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import { Recipient } from '../../src/fanout/recipient.js'
import { ReplayQueue } from '../../src/fanout/replay-queue.js'
import { FakeSocket } from '../support/fake-socket.js'
import { sequences } from '../support/ticks.js'

/** Parts that one lane may work on, as in the queue. */
const ACTIVE_MAX = 2

/** Ids of the clients whose parts were asked for. */
let asked: number[]
let queue: ReplayQueue

beforeEach(() => {
  asked = []
  queue = new ReplayQueue(2, ({ id }) => asked.push(id))
})

function recipients(count: number): Recipient[] {
  return sequences(1, count).map(id => new Recipient(id, `test-${id}`, new FakeSocket().duplex))
}

it('asks at once for as many parts as a lane may work on, and for the others in their order', () => {
  const [first, second, third, fourth] = recipients(4)
  for (const each of [first, second, third, fourth]) queue.enter(each!, 0)
  expect(asked).toEqual([1, 2])
  queue.leave(second!, 0)
  expect(asked).toEqual([1, 2, 3])
  queue.leave(first!, 0)
  expect(asked).toEqual([1, 2, 3, 4])
})

it('gives every client a part before any client gets its next one', () => {
  const all = recipients(5)
  for (const each of all) queue.enter(each, 0)
  for (let parts = 0; parts < 23; parts++) {
    // The client that was asked for first has its part, and enters again.
    const served = all[asked[parts]! - 1]!
    queue.leave(served, 0)
    queue.enter(served, 0)
  }
  expect(asked).toEqual(sequences(1, 25).map(part => ((part - 1) % 5) + 1))
})

it('asks once for a client that enters twice, which keeps its place', () => {
  const [first, second, third, fourth] = recipients(4)
  for (const each of [first, second, third, fourth, third, first]) queue.enter(each!, 0)
  expect(asked).toEqual([1, 2])
  queue.leave(first!, 0)
  queue.leave(second!, 0)
  expect(asked).toEqual([1, 2, 3, 4])
})

it('never asks for a client that leaves while it waits', () => {
  const all = recipients(4)
  for (const each of all) queue.enter(each, 0)
  queue.leave(all[2]!, 0)
  expect(asked).toEqual([1, 2])
  queue.leave(all[0]!, 0)
  queue.leave(all[1]!, 0)
  expect(asked).toEqual([1, 2, 4])
})

it('asks for the next client when a client leaves whose part was asked for', () => {
  const all = recipients(5)
  for (const each of all) queue.enter(each, 0)
  queue.leave(all[0]!, 0)
  queue.leave(all[0]!, 0)
  expect(asked).toEqual([1, 2, 3])
})

it('takes no notice of a client that leaves without having entered', () => {
  const [first, second, third] = recipients(3)
  queue.leave(first!, 0)
  queue.enter(second!, 0)
  queue.leave(first!, 0)
  queue.leave(second!, 0)
  queue.enter(third!, 0)
  queue.enter(first!, 0)
  expect(asked).toEqual([2, 3, 1])
})

it('lets no lane wait for another', () => {
  const [first, second, third, fourth] = recipients(4)
  for (const each of [first, second, third]) queue.enter(each!, 0)
  queue.enter(fourth!, 1)
  expect(asked).toEqual([1, 2, 4])
  queue.leave(fourth!, 1)
  expect(asked).toEqual([1, 2, 4])
})

it('takes a client that enters while another is asked for', () => {
  const all = recipients(4)
  const entered: number[] = []
  queue = new ReplayQueue(1, recipient => {
    asked.push(recipient.id)
    const next = all.find(({ id }) => !entered.includes(id))
    if (next === undefined) return
    entered.push(next.id)
    queue.enter(next, 0)
  })
  entered.push(1)
  queue.enter(all[0]!, 0)
  expect(asked).toEqual([1, 2])
  queue.leave(all[0]!, 0)
  expect(asked).toEqual([1, 2, 3])
})

it('serves as many clients as it may, in the order in which they came, in any sequence of calls', () => {
  const deed = fc.record({ enters: fc.boolean(), who: fc.nat(7), lane: fc.nat(1) })
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 100 }), deeds => {
      const all = recipients(8)
      const lanes = [0, 1].map(() => ({ active: [] as number[], waiting: [] as number[] }))
      const expected: number[] = []
      const actual: number[] = []
      const queue = new ReplayQueue(2, ({ id }) => actual.push(id))
      for (const { enters, who, lane } of deeds) {
        const { active, waiting } = lanes[lane]!
        const recipient = all[who]!
        const { id } = recipient
        if (enters) {
          queue.enter(recipient, lane)
          if (!active.includes(id) && !waiting.includes(id)) waiting.push(id)
        } else {
          queue.leave(recipient, lane)
          lanes[lane] = {
            active: active.filter(each => each !== id),
            waiting: waiting.filter(each => each !== id),
          }
        }
        const now = lanes[lane]!
        while (now.active.length < ACTIVE_MAX && now.waiting.length > 0) {
          const next = now.waiting.shift()!
          now.active.push(next)
          expected.push(next)
        }
        expect(actual).toEqual(expected)
      }
    }),
  )
})
