/** What the published packages export is what api/ says: who changes it, sees it there, and so does whoever reads the change. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { API_ENTRIES, pathOf, reportOf } from '../support/api-reports.js'

it.each(API_ENTRIES)('$name exports what api/ says', entry => {
  const hint = 'if the change is meant, run npm run docs and commit api/; CHANGELOG.md tells users of it'
  expect(reportOf(entry), hint).toBe(readFileSync(pathOf(entry), 'utf8'))
})
