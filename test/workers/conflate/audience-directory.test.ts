import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { selectionOf } from '../../../src/lane-protocol/audience-spec.js'
import type { AudienceState } from '../../../src/lane-protocol/lane-task.js'
import type { IntervalMs } from '../../../src/protocol/delivery.js'
import { marketCodec } from '../../../src/ticks/market-codec.js'
import type { LaneAudience } from '../../../workers/collect/lane-audience.js'
import { AudienceDirectory } from '../../../workers/conflate/audience-directory.js'
import type { ConflationGroup } from '../../../workers/conflate/conflation-group.js'
import { ConflationSchedule } from '../../../workers/conflate/conflation-schedule.js'
import type { LaneSymbol } from '../../../workers/conflate/lane-symbol.js'
import { audienceState, spec } from '../../support/specs.js'
import { findSymbol, symbolNameOf } from '../../support/symbols.js'

/** Pairs with the same hash: found by trying all texts of this form. */
const COLLISIONS = collisions()

function collisions(): [string, string][] {
  const seen = new Map<number, string>()
  const pairs: [string, string][] = []
  for (let number = 0; pairs.length < 3; number++) {
    const symbol = `S${number.toString(36)}`
    let hash = 0x811c9dc5
    for (const byte of Buffer.from(symbol)) hash = Math.imul(hash ^ byte, 0x01000193)
    hash &= 0x3fffffff
    const other = seen.get(hash)
    if (other !== undefined) pairs.push([other, symbol])
    seen.set(hash, symbol)
  }
  return pairs
}

function finish(steps: Generator<number>): void {
  for (const _ of steps);
}

/** Opens an audience in one go. */
function openState(directory: AudienceDirectory, state: AudienceState): LaneAudience {
  const audience = directory.begin(state)
  finish(directory.attachAll(audience))
  return audience
}

/** Opens an audience that gets every tick of these symbols. */
function open(directory: AudienceDirectory, id: number, symbols: string[]): LaneAudience {
  return openState(directory, audienceState({ audience: id, spec: spec({ symbols }) }))
}

function find({ symbols }: AudienceDirectory, symbol: string): LaneSymbol | undefined {
  return findSymbol(symbols, symbol)
}

const name = fc.string({ unit: fc.constantFrom('A', 'B'), minLength: 1, maxLength: 3 })
const entry = fc.oneof(
  name,
  name.map(prefix => `${prefix}*`),
  fc.constant('*'),
)
const selection = fc.array(fc.tuple(entry, fc.constantFrom<IntervalMs>(null, 0, 5, 250)), {
  maxLength: 8,
})
const stateOf = (id: number, entries: [string, IntervalMs][]) =>
  audienceState({ audience: id, spec: spec(selectionOf(new Map(entries))) })
const ids = (groups: readonly ConflationGroup[]) =>
  groups.map(group => `${group.audience.id}/${group.intervalMs}`)
const deliveries = (directory: AudienceDirectory, symbols: string[]) =>
  symbols.map(symbol => {
    const { audiences, groups, immediate } = find(directory, symbol)!
    return [symbol, audiences.map(({ id }) => id), ids(groups), ids(immediate)]
  })

describe('the directory of audiences', () => {
  it('keeps symbols with the same hash apart', () => {
    for (const [first, second] of COLLISIONS) {
      const directory = new AudienceDirectory(marketCodec)
      const one = open(directory, 1, [first])
      const [two, three] = [open(directory, 2, [second]), open(directory, 3, [second])]
      expect(find(directory, first)!.audiences).toEqual([one])
      expect(find(directory, second)!.audiences).toEqual([two, three])
      expect([first, second].map(symbol => symbolNameOf(find(directory, symbol)))).toEqual([first, second])
    }
  })

  it.each([true, false])('forgets one symbol of a hash and keeps the other, the first: %s', isFirst => {
    for (const pair of COLLISIONS) {
      const [gone, kept] = isFirst ? pair : [pair[1], pair[0]]
      const directory = new AudienceDirectory(marketCodec)
      const early = isFirst ? open(directory, 1, [gone]) : undefined
      const two = open(directory, 2, [kept])
      finish(directory.close(early ?? open(directory, 1, [gone])))
      expect(find(directory, kept)!.audiences).toEqual([two])
      expect(find(directory, gone)!.audiences).toEqual([])
    }
  })

  it('closes one audience and leaves the others alone', () => {
    const directory = new AudienceDirectory(marketCodec)
    const [one, two] = [open(directory, 1, ['A', 'C']), open(directory, 2, ['A', 'B'])]
    const entry = find(directory, 'A')
    finish(directory.close(one))
    finish(directory.close(one))
    expect(directory.get(1)).toBeUndefined()
    expect(directory.get(2)).toBe(two)
    expect(find(directory, 'A')).toBe(entry)
    expect(entry!.audiences).toEqual([two])
    expect(find(directory, 'B')!.audiences).toEqual([two])
    expect(find(directory, 'C')!.audiences).toEqual([])
  })

  it('lets the next tick of a symbol wake a ready group, unless its audience has closed', () => {
    const directory = new AudienceDirectory(marketCodec)
    const schedule = new ConflationSchedule()
    const latest = [{ intervalMs: 100, symbols: ['A', 'B*'] }]
    const one = openState(directory, audienceState({ spec: spec({ symbols: [], latest }) }))
    find(directory, 'B0')
    for (const group of directory.groupsOf(one)) schedule.start(group, 0)
    schedule.endIntervals(100)
    const entries = ['A', 'B0', 'B1'].map(symbol => find(directory, symbol))
    expect(entries.map(entry => entry!.ready?.size)).toEqual([1, 1, 1])
    finish(directory.close(one))
    expect(entries.map(entry => entry!.ready?.size)).toEqual([0, 0, 0])
  })

  it('is as if a closed audience had never been open, whatever symbols it had and how', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name),
        selection,
        selection,
        fc.boolean(),
        (symbols, gone, kept, areKnown) => {
          const directory = new AudienceDirectory(marketCodec)
          const without = new AudienceDirectory(marketCodec)
          if (areKnown)
            for (const symbol of symbols) for (const each of [directory, without]) find(each, symbol)
          const one = openState(directory, stateOf(1, gone))
          openState(directory, stateOf(2, kept))
          openState(without, stateOf(2, kept))
          finish(directory.close(one))
          expect(deliveries(directory, symbols)).toEqual(deliveries(without, symbols))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('derives an audience as if it were opened with all of its entries', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name),
        fc.uniqueArray(name),
        selection,
        selection,
        fc.array(entry, { maxLength: 4 }),
        (known, later, before, added, removed) => {
          const directory = new AudienceDirectory(marketCodec)
          const plain = new AudienceDirectory(marketCodec)
          for (const symbol of known) for (const each of [directory, plain]) find(each, symbol)
          const after = new Map(before)
          for (const each of removed) after.delete(each)
          for (const [each, intervalMs] of added) after.set(each, intervalMs)
          const base = openState(directory, stateOf(1, before))
          const derived = directory.beginLike({ ...audienceState(), audience: 2 }, base, { added, removed })
          finish(directory.attachLike(base, derived, { added, removed }))
          const opened = openState(plain, stateOf(2, [...after]))
          finish(directory.close(base))
          const symbols = [...new Set([...known, ...later])]
          expect(deliveries(directory, symbols)).toEqual(deliveries(plain, symbols))
          expect([derived.isUnfiltered, derived.isConflated]).toEqual([
            opened.isUnfiltered,
            opened.isConflated,
          ])
          const namesOf = (each: AudienceDirectory, audience: LaneAudience) =>
            [...each.symbolsOf(audience)].map(({ symbol }) => symbol).sort()
          expect(namesOf(directory, derived)).toEqual(namesOf(plain, opened))
          for (const [each, audience] of [
            [directory, derived],
            [plain, opened],
          ] as const)
            finish(each.close(audience))
          for (const symbol of symbols) expect(find(directory, symbol)!.audiences).toEqual([])
        },
      ),
      { numRuns: 500 },
    )
  })

  it('attaches a symbol that comes between two steps once, and forgets it with the audience', () => {
    const directory = new AudienceDirectory(marketCodec)
    for (let index = 0; index < 1000; index++) find(directory, `S${index}`)
    let later = 0
    const between = (steps: Generator<number>): void => {
      for (const symbols of steps) {
        expect(symbols).toBeLessThanOrEqual(256)
        find(directory, `SX${later++}`)
      }
    }
    const base = directory.begin(audienceState({ audience: 1, spec: spec({ symbols: ['S*', 'SX3', 'A'] }) }))
    between(directory.attachAll(base))
    const change = { added: [['S1*', 0] as const], removed: ['A'] }
    const derived = directory.beginLike({ ...audienceState(), audience: 2 }, base, change)
    between(directory.attachLike(base, derived, change))
    expect(later).toBeGreaterThan(8)
    const symbols = [...directory.symbols.all()]
    for (const { audiences, symbol, immediate } of symbols) {
      const isConflated = symbol.startsWith('S1')
      expect(audiences).toEqual(isConflated ? [base] : [base, derived])
      expect(immediate).toHaveLength(isConflated ? 1 : 0)
    }
    between(directory.close(base))
    between(directory.close(derived))
    for (const { audiences, groups, immediate } of directory.symbols.all())
      expect([audiences, groups, immediate]).toEqual([[], [], []])
  })

  it('serves an audience of a symbol beyond the bound of the symbol table', () => {
    const directory = new AudienceDirectory(marketCodec)
    for (let index = 0; index < 66_000; index++) find(directory, `S${index}`)
    const one = open(directory, 1, ['S65999'])
    expect(find(directory, 'S65999')!.audiences).toEqual([one])
    finish(directory.close(one))
    expect(find(directory, 'S65999')!.audiences).toEqual([])
  })
})
