import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
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

it('counts no memory that another thread shares with the lane', async () => {
  const shared = new SharedArrayBuffer(2 * OWN_BYTES_MAX)
  const watchFile = new URL('../../workers/lane-memory-watch.js', import.meta.url).href
  const code = `import(${JSON.stringify(watchFile)}).then(({ LaneMemoryWatch }) => new LaneMemoryWatch().look(0))`
  const thread = new Worker(code, { eval: true, workerData: shared })
  expect(await once(thread, 'exit')).toEqual([0])
})
