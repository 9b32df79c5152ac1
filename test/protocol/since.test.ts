import { expect, it } from 'vitest'
import { readSince } from '../../src/protocol/since.js'

/** 2024-08-08T13:30:00Z */
const TIME_US = 1_723_123_800_000_000
const NOW_US = TIME_US + 3_600_000_000

it.each([
  ['2024-08-08T13:30:00Z', TIME_US],
  ['2024-08-08T13:30Z', TIME_US],
  ['2024-08-08T15:30:00+02:00', TIME_US],
  ['2024-08-08T15:30:00 02:00', TIME_US],
  ['2024-08-08T08:30:00-05:00', TIME_US],
  ['2024-08-08T13:30:00.250Z', TIME_US + 250_000],
  ['-60m', TIME_US],
  ['-1h', TIME_US],
  ['-3600s', TIME_US],
  ['-3600000ms', TIME_US],
  ['-0s', NOW_US],
])('reads %s', (text, sinceUs) => {
  expect(readSince(text, NOW_US)).toBe(sinceUs)
})

it.each([
  '',
  '-',
  '15m',
  '-15',
  '-1.5m',
  '-15d',
  '1723123800',
  '2024-08-08',
  '2024-08-08T13:30:00',
  '2024-13-08T13:30:00Z',
  '2024-08-08T25:30:00Z',
  5,
  null,
  {},
])('refuses %j, and says what would be right', value => {
  expect(readSince(value, NOW_US)).toEqual({
    code: 'bad_since',
    message: expect.stringMatching(/^since must be a time such as 2024-08-08T13:30:00Z, or a time ago/),
  })
})

it('refuses a time in the future', () => {
  expect(readSince('2024-08-08T14:30:00.001Z', NOW_US)).toMatchObject({
    code: 'bad_since',
    message: expect.stringMatching(/in the past by the clock of the gateway/),
  })
})
