import { expect, it } from 'vitest'
import { LaneMemoryWatch, OWN_BYTES_MAX } from '../../workers/lane-memory-watch.js'

it('ends a lane that keeps too much, and looks seldom', () => {
  let bytes = OWN_BYTES_MAX
  let looks = 0
  const watch = new LaneMemoryWatch(() => {
    looks++
    return bytes
  })
  for (let nowMs = 0; nowMs < 1000; nowMs++) watch.look(nowMs)
  expect(looks).toBe(10)
  bytes++
  watch.look(1000 - 1)
  expect(() => watch.look(1000)).toThrow(
    'the lane keeps 256 MiB outside of its heap, and 256 MiB are the most',
  )
})

it('counts what this thread has allocated, and no shared memory', () => {
  const shared = new SharedArrayBuffer(2 * OWN_BYTES_MAX)
  expect(() => new LaneMemoryWatch().look(0)).not.toThrow()
  expect(shared.byteLength).toBe(2 * OWN_BYTES_MAX)
})
