import { expect, it } from 'vitest'
import { epochName } from '../../src/ingest/epoch-name.js'

it('is the text of the feed where a URL and a gap can hold it', () => {
  for (const text of ['a', '2024-08-08T13.30_x~', 'x'.repeat(64)]) expect(epochName(text)).toBe(text)
})

it('is the same short name in each gateway for any other text', () => {
  const names = ['x'.repeat(65), 'a:b', 'a b', '', '{"run": 1}'].map(epochName)
  for (const name of names) expect(name).toMatch(/^[\w-]{22}$/)
  expect(new Set(names).size).toBe(names.length)
  expect(epochName('a:b')).toBe(names[1])
})
