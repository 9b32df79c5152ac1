import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url))
const run = promisify(execFile)

const small = async (...names: string[]): Promise<string> =>
  (await run(process.execPath, [MAIN, ...names, '--small'])).stdout

describe('the benchmarks', () => {
  it('of one thread or two still run, and find what was sent', async () => {
    const text = await small('publish', 'publish-threads', 'decode', 'encode', 'frame', 'gather')
    expect(text).toMatch(/cores, .* GiB; Node v.*; commit /)
    expect(text.match(/^### \w+/gm)).toHaveLength(8)
  })

  it('names those that there are when asked for another', async () => {
    await expect(small('publsh')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there are publish,'),
    })
  })
})
