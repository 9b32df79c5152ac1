/**
 * Writes the table of settings into README.md, between its markers: `npm run docs`.
 * A test compares the two, so that a setting cannot change without its line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { settingsTable } from '../src/config.js'

const path = new URL('../../README.md', import.meta.url)
const between = /(<!-- settings -->\n)[\s\S]*(\n<!-- \/settings -->)/
writeFileSync(
  path,
  readFileSync(path, 'utf8').replace(between, (_, open, close) => open + settingsTable() + close),
)
