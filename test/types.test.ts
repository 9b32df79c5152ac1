import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OPTIONS = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']

it('the types of the package compile for users who check the types of libraries', async () => {
  const compiler = ['node_modules/typescript/bin/tsc', ...OPTIONS, '--ignoreConfig', 'dist/src/index.d.ts']
  const { stdout } = await promisify(execFile)(process.execPath, compiler, { cwd: ROOT }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})
