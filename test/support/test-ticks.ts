import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BESIDE_PROJECT = fileURLToPath(
  new URL('../../../../shared/data/ticks-20240808.csv.gz', import.meta.url),
)

/**
 * Recorded ticks, which are no part of the project: the file that RINGCAST_TEST_TICKS names, or the one beside the
 * project; undefined when there is none, and the tests that need them are skipped.
 */
export const recordedTicksPath: string | undefined = [process.env.RINGCAST_TEST_TICKS, BESIDE_PROJECT].find(
  path => path !== undefined && existsSync(path),
)
