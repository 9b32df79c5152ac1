import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { settingsTable } from '../src/config.js'

describe('README.md', () => {
  it('has the settings as they are (else: npm run docs)', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const [, table] = /<!-- settings -->\n([\s\S]*)\n<!-- \/settings -->/.exec(readme) ?? []
    expect(table).toBe(settingsTable())
  })
})
