/**
 * Writes the parts of the documentation that are made from the source: `npm run docs`.
 * A test compares them, so that a setting, a code or a counter cannot change without its line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { API_ENTRIES, pathOf, reportOf } from './support/api-reports.js'
import { GENERATED_PARTS, withPart } from './support/generated-docs.js'

for (const { page, name, text } of GENERATED_PARTS) {
  const path = new URL(`../../${page}`, import.meta.url)
  writeFileSync(path, withPart(readFileSync(path, 'utf8'), name, text))
}

for (const entry of API_ENTRIES) writeFileSync(pathOf(entry), reportOf(entry))
