import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url))
const run = promisify(execFile)

describe('the benchmarks', () => {
  it.each(['end-to-end', 'queue-size', 'pool-size', 'relay', 'history', 'capacity'])(
    '%s still runs, without an error of order',
    async name => {
      const text = (await run(process.execPath, [MAIN, name, '--small'])).stdout
      expect(text).toContain(`### ${name}`)
      expect(text).not.toMatch(/errors of order|were closed|was told of|NaN|Infinity/)
    },
  )
})
