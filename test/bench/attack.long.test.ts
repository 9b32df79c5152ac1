import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/attack/main.js', import.meta.url))

const run = promisify(execFile)

it('bench:attack attacks a gateway, and tells how it and its clients took it', async () => {
  const { stdout } = await run(process.execPath, [MAIN, 'refusals', '--small', '--seconds', '0.4'])
  expect(stdout).toMatch(/^ {2}did: [1-9]\d* commands over 20 connections$/m)
  expect(stdout).toMatch(/^\| refusals .*\| +0 \| +0 \| none .*\| none +\| held +\|$/m)
})
