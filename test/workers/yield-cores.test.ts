import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

it('gives this thread the lowest priority, and leaves the others as they are', async () => {
  const before = getPriority(0)
  const file = new URL('../../workers/yield-cores.js', import.meta.url)
  const code = `
    import { getPriority } from 'node:os'
    import { parentPort } from 'node:worker_threads'
    import { yieldCores } from ${JSON.stringify(file)}
    yieldCores()
    parentPort.postMessage(getPriority(0))`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
  const priority = await new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  )
  expect(priority).toBe(process.platform === 'linux' ? 19 : before)
  expect(getPriority(0)).toBe(before)
})
