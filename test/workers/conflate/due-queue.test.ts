import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type DueItem, DueQueue, NOT_QUEUED } from '../../../workers/conflate/due-queue.js'

const entryDue = (dueMs: number): DueItem => ({ dueMs, dueIndex: NOT_QUEUED })

it('tells when the first entry is due, and infinity when it is empty', () => {
  const queue = new DueQueue()
  expect(queue.nextMs).toBe(Number.POSITIVE_INFINITY)
  queue.push(entryDue(30))
  queue.push(entryDue(10))
  expect(queue.nextMs).toBe(10)
  queue.takeDue(10)
  expect(queue.nextMs).toBe(30)
})

it('gives out an entry that is due at this very time, and none that is due later', () => {
  const queue = new DueQueue()
  const entry = entryDue(10)
  queue.push(entry)
  expect(queue.takeDue(9.99)).toBeUndefined()
  expect(queue.takeDue(10)).toBe(entry)
  expect(queue.takeDue(1000)).toBeUndefined()
})

it('gives out each entry that was not removed once, in the order of their times', () => {
  const action = fc.oneof(
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(100) }) },
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ takeAt: fc.integer({ min: 0, max: 30 }) }) },
  )
  fc.assert(
    fc.property(fc.array(action, { minLength: 30, maxLength: 100 }), actions => {
      const queue = new DueQueue()
      const model: DueItem[] = []
      for (const each of actions) {
        if ('push' in each) {
          const entry = entryDue(each.push)
          queue.push(entry)
          model.push(entry)
        } else if ('remove' in each) {
          const entry = model[each.remove % model.length]
          if (entry === undefined) continue
          queue.remove(entry)
          queue.remove(entry)
          model.splice(model.indexOf(entry), 1)
        } else {
          const soonestMs = Math.min(...model.map(({ dueMs }) => dueMs))
          const taken = queue.takeDue(each.takeAt)
          expect(taken?.dueMs).toBe(soonestMs <= each.takeAt ? soonestMs : undefined)
          if (taken === undefined) continue
          expect(model).toContain(taken)
          model.splice(model.indexOf(taken), 1)
        }
        expect(queue.nextMs).toBe(Math.min(...model.map(({ dueMs }) => dueMs)))
      }
    }),
  )
})
