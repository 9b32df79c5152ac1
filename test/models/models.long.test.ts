/**
 * Checks the models of what threads share: docs/decisions/0099-what-threads-share-is-a-model.md. Each mutant leaves out
 * a guard, and must be caught.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)

const MODELS: Readonly<Record<string, readonly string[]>> = {
  'wake-up': [
    'LOOK_BEFORE_FLAG',
    'WAIT_WITHOUT_COUNT',
    'WAKE_BEFORE_PUBLISHING',
    'FLAG_BEFORE_PUBLISHING',
    'NO_WAKE_UP_FOR_ROOM',
    'SLEEP_WITHOUT_LOOK',
  ],
  'frame-ring': [
    'PUBLISH_BEFORE_WRITING',
    'RELEASE_BEFORE_READING',
    'GIVE_BACK_WHILE_PINNED',
    'NO_RESET',
    'FROM_COMMIT',
  ],
  'tick-log': [
    'HEAD_BEFORE_BYTES',
    'COMMIT_BEFORE_READING',
    'NEVER_ASKED',
    'WHOLE_LOG_IS_SAFE',
    'PLAIN_COMPARISON',
  ],
  transfer: ['SENT_AGAIN', 'TAKEN_AT_ONCE', 'COMMIT_BEFORE_PUBLISHING', 'RESTART_BEFORE_RING_IS_READ'],
}

/** Why the models cannot be checked here; undefined: they can. */
const missing = ['spin', 'gcc'].find(program => spawnSync(program, ['--version']).error !== undefined)

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringcast-model-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** @param mutant undefined: the model as it stands @returns what the checker found wrong, and how many states it saw */
async function check(model: string, mutant?: string): Promise<{ errors: number; states: number }> {
  const path = fileURLToPath(new URL(`../../../test/models/${model}.pml`, import.meta.url))
  const cwd = await mkdtemp(join(folder, 'run-'))
  await run('spin', [...(mutant === undefined ? [] : [`-D${mutant}`]), '-a', path], { cwd })
  await run('gcc', ['-O1', '-w', '-DSAFETY', '-o', 'checker', 'pan.c'], { cwd })
  const { stdout } = await run('./checker', ['-m100000'], { cwd })
  const errors = Number(/errors: (\d+)/.exec(stdout)?.[1])
  // A search that was cut off proves nothing.
  expect(stdout).not.toMatch(/max search depth too small|aborting|out of memory/)
  return { errors, states: Number(/(\d+) states, stored/.exec(stdout)?.[1]) }
}

describe.skipIf(missing !== undefined)('The model', () => {
  describe.each(Object.keys(MODELS))('of %s', model => {
    it('holds in every order of steps', async () => {
      const { errors, states } = await check(model)
      expect(errors).toBe(0)
      expect(states).toBeGreaterThan(10_000)
    })

    it.each(MODELS[model]!)('does not hold with %s', async mutant => {
      expect((await check(model, mutant)).errors).toBeGreaterThan(0)
    })
  })
})
