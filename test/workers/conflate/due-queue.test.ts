import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LaneAudience } from '../../../workers/collect/lane-audience.js'
import { ConflationGroup } from '../../../workers/conflate/conflation-group.js'
import { DueQueue } from '../../../workers/conflate/due-queue.js'
import { audienceState } from '../../support/specs.js'

function partDue(dueMs: number): ConflationGroup {
  const part = new ConflationGroup(new LaneAudience(audienceState()), 0, 1, null)
  part.dueMs = dueMs
  return part
}

it('tells when the soonest is due, and never when there is none', () => {
  const queue = new DueQueue()
  expect(queue.nextMs).toBe(Number.POSITIVE_INFINITY)
  queue.push(partDue(30))
  queue.push(partDue(10))
  expect(queue.nextMs).toBe(10)
  queue.takeDue(10)
  expect(queue.nextMs).toBe(30)
})

it('gives out what is due at this very time, and nothing that is not', () => {
  const queue = new DueQueue()
  const part = partDue(10)
  queue.push(part)
  expect(queue.takeDue(9.99)).toBeUndefined()
  expect(queue.takeDue(10)).toBe(part)
  expect(queue.takeDue(1000)).toBeUndefined()
})

it('gives out whatever was put in and not taken out, once, soonest first', () => {
  const deed = fc.oneof(
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(100) }) },
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ takeAt: fc.integer({ min: 0, max: 30 }) }) },
  )
  fc.assert(
    fc.property(fc.array(deed, { minLength: 30, maxLength: 100 }), deeds => {
      const queue = new DueQueue()
      const model: ConflationGroup[] = []
      for (const each of deeds) {
        if ('push' in each) {
          const part = partDue(each.push)
          queue.push(part)
          model.push(part)
        } else if ('remove' in each) {
          const part = model[each.remove % model.length]
          if (part === undefined) continue
          queue.remove(part)
          queue.remove(part)
          model.splice(model.indexOf(part), 1)
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
