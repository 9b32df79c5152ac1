/**
 * The rows of the scoreboard name what there is.
 */
import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { catalogue } from './catalogue.js'

const ROOT = new URL('../../../', import.meta.url)
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>
}

const exists = (path: string): boolean => existsSync(new URL(path, ROOT))

it.each(catalogue(true).map(row => [row.fault, row] as const))(
  '%s: its tests and its guard exist',
  (_, row) => {
    const { file, guard } = row
    expect(exists(`test/${file}.test.ts`) || exists(`test/${file}.long.test.ts`), file).toBe(true)
    expect(guard in dependencies || exists(`${guard}.ts`), guard).toBe(true)
  },
)
