import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parseArguments } from '../../bench/attack/arguments.js'
import type { Attack } from '../../bench/attack/attack.js'
import { ATTACKS } from '../../bench/attack/attacks.js'
import { faultsOf, type Outcome } from '../../bench/attack/verdict.js'
import type { LoadReport } from '../../bench/processes/load.js'

const MAIN = fileURLToPath(new URL('../../bench/attack/main.js', import.meta.url))

const run = promisify(execFile)

describe('bench:attack', () => {
  it('says what there is when asked for something else', async () => {
    await expect(run(process.execPath, [MAIN, 'nestling'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown attacks: nestling; there are nesting, symbols'),
    })
  })
})

describe('the attacks', () => {
  it('have each a name of its own, and somebody who attacks', () => {
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length)
    for (const { feed, run: attack } of ATTACKS) expect([feed, attack].filter(Boolean)).toHaveLength(1)
  })

  it('are all, for a minute and in three rounds, with a hundred clients, when nothing is asked for', () => {
    expect(parseArguments([], ['a', 'b'])).toEqual({
      small: false,
      attacks: ['a', 'b'],
      seconds: 60,
      rounds: 3,
      clients: 100,
    })
  })

  it.each([
    [['--seconds', '0'], '--seconds must be a number above 0, got 0'],
    [['--clients', '1.5'], '--clients must be a whole number, got 1.5'],
  ])('are refused with %j', (words, message) => {
    expect(() => parseArguments(words, [])).toThrow(message)
  })
})

describe('the verdict', () => {
  const report: LoadReport = {
    bytes: 1,
    frames: 1,
    witnessBytes: 1,
    witnessTicks: 1,
    isServed: true,
    closed: 0,
    closeCodes: {},
    lastClosedMs: undefined,
    offsets: [9, 9],
    unknownLosses: 0,
    witnesses: 5,
    missed: {},
    lost: 0,
    silent: 0,
    errorCount: 0,
    errors: [],
    p50Us: 10,
    p99Us: 100,
    p999Us: 200,
  }
  const attack: Attack = { name: 'a', does: 'b' }
  const good: Outcome = {
    attack,
    quiet: [report, report],
    attacked: [report],
    last: report,
    reports: [{ done: 'c', violations: [] }],
    exit: undefined,
    ticksMade: 100,
    rssBytesBefore: 1,
    rssBytesAfter: 1,
    rssBytesMax: 1,
    complaints: [],
    otherCores: 0,
  }
  const late = { ...report, p99Us: 121 }

  it('is that the gateway held when nothing is wrong', () => {
    expect(faultsOf(good, true)).toEqual([])
  })

  it.each<[string, Partial<Outcome>]>([
    ['the gateway ended with 1', { exit: 1 }],
    ['the gateway ended with SIGKILL', { exit: 'SIGKILL' }],
    ['2 of 5 live clients were cut', { last: { ...report, closed: 2 } }],
    ['live clients found 1 errors, such as: e', { last: { ...report, errorCount: 1, errors: ['e'] } }],
    ['3 ticks were lost without a word', { last: { ...report, silent: 3 } }],
    ['some live clients got no tick any more', { quiet: [report, { ...report, isServed: false }] }],
    ['the p99 of the delay became 1.21 times what it was, not at most 1.2', { attacked: [late] }],
    [
      'v',
      {
        reports: [
          { done: '', violations: ['v'] },
          { done: '', violations: ['v'] },
        ],
      },
    ],
    [
      'the gateway took 3 MiB, not at most 2',
      { attack: { ...attack, rssMiBMax: 2 }, rssBytesMax: 3 * 2 ** 20 },
    ],
    ['f', { attack: { ...attack, faults: () => ['f'] } }],
    ['the gateway did not end', { attack: { ...attack, endsGateway: true } }],
  ])('is: %s', (fault, part) => {
    expect(faultsOf({ ...good, ...part }, true)).toEqual([fault])
  })

  it('compares the median of the rounds, so that one that was disturbed does not count', () => {
    const outcome = { ...good, attacked: [report, late, report] }
    expect(faultsOf(outcome, true)).toEqual([])
  })

  it('leaves the delay out where it may grow, or is not judged', () => {
    const outcome = { ...good, attacked: [late] }
    expect(faultsOf(outcome, false)).toEqual([])
    expect(faultsOf({ ...outcome, attack: { ...attack, mayDelay: true } }, true)).toEqual([])
  })

  it('takes the end of a gateway that is to end for no fault, nor that its clients were closed', () => {
    const last = { ...report, closed: 5 }
    expect(faultsOf({ ...good, last, exit: 0, attack: { ...attack, endsGateway: true } }, true)).toEqual([])
  })
})
