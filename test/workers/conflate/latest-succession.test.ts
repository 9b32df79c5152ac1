/**
 * Lanes that die while they keep and send latest ticks, see lane-succession.test.ts.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AudienceSpec } from '../../../src/lane-protocol/audience-spec.js'
import { QUOTE, TRADE } from '../../../src/ticks/market-tick.js'
import { extent } from '../../support/extent.js'
import { LaneStage, type StageOptions } from '../../support/lane-stage.js'
import { checkClient } from '../../support/stays.js'

const SLOWEST_MS = 250

/** Its ticks fit into the smallest record of the store … */
const LONG = `B${'L'.repeat(59)}`
/** … unless all their fields are large. */
const LARGE = {
  sourceTimeNs: -1n,
  bid: 1 / 3,
  bidSize: 1 / 3,
  ask: 1 / 3,
  askSize: 1 / 3,
  last: 1 / 3,
  lastSize: 1 / 3,
}

/** Latest at once, at an interval, at several with every tick of others; and every tick of all. */
const SPECS: readonly Partial<AudienceSpec>[] = [
  { symbols: [], latest: [{ intervalMs: 0, symbols: ['*'] }] },
  { symbols: [], latest: [{ intervalMs: 100, symbols: ['A', 'B*'] }], heartbeatMs: 60 },
  {
    symbols: ['A', 'C*'],
    latest: [
      { intervalMs: 0, symbols: ['B1'] },
      { intervalMs: SLOWEST_MS, symbols: ['B*'] },
    ],
    batch: false,
  },
  { heartbeatMs: 100 },
]

type Deed =
  | { readonly op: 'ticks'; readonly symbols: readonly string[] }
  | { readonly op: 'malformed' }
  | { readonly op: 'down' | 'live' }
  | { readonly op: 'advance'; readonly ms: number }
  | {
      readonly op: 'join'
      readonly client: number
      readonly audience: number
      readonly snapshotOf?: readonly string[]
    }
  | { readonly op: 'fallBehind' | 'comeBack'; readonly client: number }

function perform(stage: LaneStage, deed: Deed): void {
  switch (deed.op) {
    case 'ticks':
      stage.batch(
        deed.symbols.map((symbol, index) => ({
          symbol,
          kind: (stage.offset + index) % 3 === 0 ? TRADE : QUOTE,
          ...(symbol === LONG && stage.offset > 20 ? LARGE : {}),
        })),
      )
      return
    case 'malformed':
      stage.malformed()
      return
    case 'down':
    case 'live':
      stage.status(deed.op)
      return
    case 'advance':
      stage.clock.advance(deed.ms)
      return
    case 'join':
      // One that has asked or is behind asks when it has its answer.
      if (stage.clients.get(deed.client)?.asked === undefined && !isBehind(stage, deed.client))
        stage.join(deed.client, deed.audience, null, deed.snapshotOf)
      return
    case 'fallBehind':
      if (stage.clients.get(deed.client)?.isReceiving && stage.clients.get(deed.client)?.asked === undefined)
        stage.fallBehind(deed.client)
      return
    case 'comeBack':
      if (isBehind(stage, deed.client)) stage.comeBack(deed.client)
      return
  }
}

function isBehind(stage: LaneStage, id: number): boolean {
  const client = stage.clients.get(id)
  if (client === undefined || client.waits) return false
  return client.stays.length > 0 && !client.isReceiving && client.asked === undefined
}

/** Plays `chunks`, each when the lane has done all before, and kills lane after lane; then lets all that waits be sent. */
function play(
  chunks: readonly (readonly Deed[])[],
  kills: readonly number[],
  options: StageOptions = {},
): LaneStage {
  const stage = new LaneStage({
    frameRingBytes: 1 << 18,
    turnBytesMax: 1024,
    scratchBytes: 1 << 15,
    ...options,
  })
  SPECS.forEach((spec, index) => {
    stage.open(index + 1, spec)
    stage.join(index + 1, index + 1, null, index < 2 ? ['*'] : undefined)
  })
  const ending: Deed[][] = [
    [...stage.clients.keys(), 5, 6].map(client => ({ op: 'comeBack', client })),
    [{ op: 'advance', ms: SLOWEST_MS }],
    [{ op: 'advance', ms: SLOWEST_MS }],
  ]
  const left = [...chunks, ...ending]
  const doNext = (): void => {
    for (const deed of left.shift() ?? []) perform(stage, deed)
  }
  doNext()
  const killsLeft = [...kills]
  for (;;) {
    const steps = left.map(() => doNext)
    if (stage.run(steps, killsLeft.shift() ?? -1)) break
  }
  // The lane that was killed last may have taken the last step with it.
  stage.run([() => stage.clock.advance(SLOWEST_MS), () => stage.clock.advance(SLOWEST_MS)])
  for (const client of stage.clients.values()) checkClient(stage, client)
  for (const client of stage.clients.values()) expect(client.isReceiving).toBe(true)
  expect(stage.state.cursor()).toBe(stage.log.position)
  return stage
}

const ticks = (...symbols: string[]): Deed => ({ op: 'ticks', symbols })

describe('lanes that die', () => {
  it('send the latest still, at any single call', () => {
    const chunks: Deed[][] = [
      [
        ticks('A', 'B1', LONG, LONG, 'B2', 'C'),
        ticks('A', 'A'),
        { op: 'join', client: 5, audience: 2, snapshotOf: ['A', 'B*'] },
      ],
      [ticks('B1', 'B3', 'A', 'A'), { op: 'malformed' }, { op: 'down' }, ticks('B1')],
      [{ op: 'advance', ms: 100 }, ticks('A', 'D')],
      [
        { op: 'join', client: 5, audience: 3 },
        { op: 'fallBehind', client: 2 },
        { op: 'fallBehind', client: 4 },
      ],
      [{ op: 'live' }, ticks('B2', 'C', 'A'), { op: 'join', client: 6, audience: 1, snapshotOf: ['*'] }],
      [{ op: 'advance', ms: 50 }, ticks('A', LONG, LONG), { op: 'comeBack', client: 2 }, ticks('B2')],
      [
        { op: 'comeBack', client: 4 },
        { op: 'join', client: 1, audience: 2, snapshotOf: ['B1'] },
      ],
    ]
    for (let killAt = 0; play(chunks, [killAt]).deaths > 0; killAt += extent(7, 1));
    for (let killAt = 0; play(chunks, [killAt, killAt >> 1, 7, killAt]).deaths > 3; killAt += extent(23, 5));
  })

  it('send what a full turn left over of a record, and of a flush and a snapshot of many messages', () => {
    const symbols = Array.from({ length: 6 }, (_, index) => `B${index}`)
    const chunks: Deed[][] = [
      [ticks(...symbols, 'B1')],
      [{ op: 'advance', ms: SLOWEST_MS }],
      [ticks(...symbols, 'A', 'B1'), { op: 'fallBehind', client: 3 }],
      [ticks(...symbols), { op: 'join', client: 5, audience: 2, snapshotOf: ['*'] }, ticks('B1', 'B2')],
      [{ op: 'comeBack', client: 3 }],
    ]
    // Frames are read in the midst of a turn, too.
    const small = { turnBytesMax: 256, descriptorsMax: 2 }
    for (let killAt = 0; play(chunks, [killAt], small).deaths > 0; killAt += extent(19, 3));
  })

  const symbol = fc.constantFrom('A', 'B1', 'B2', 'B3', 'C', 'D', LONG)
  const client = fc.integer({ min: 1, max: 6 })
  const snapshotOf = fc.option(fc.constantFrom(['*'], ['A', 'B1'], ['B*']), { nil: undefined })
  const deed: fc.Arbitrary<Deed> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(symbol, { minLength: 1, maxLength: 30 }).map(symbols => ticks(...symbols)),
    },
    { weight: 1, arbitrary: fc.constant<Deed>({ op: 'malformed' }) },
    { weight: 2, arbitrary: fc.constantFrom<Deed>({ op: 'down' }, { op: 'live' }) },
    { weight: 3, arbitrary: fc.constantFrom(1, 60, 100, 300).map((ms): Deed => ({ op: 'advance', ms })) },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant('join' as const),
        client,
        audience: fc.integer({ min: 1, max: 4 }),
        snapshotOf,
      }) as fc.Arbitrary<Deed>,
    },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constantFrom('fallBehind' as const, 'comeBack' as const), client }),
    },
  )

  it('send each tick or one that stands for it, wherever they die', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(deed, { maxLength: 20 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.oneof(fc.nat(60), fc.nat(1500)), { maxLength: 6 }),
        fc.constantFrom(1024, 4096),
        fc.constantFrom(2, 5, 100),
        (chunks, kills, turnBytesMax, descriptorsMax) => {
          play(chunks, kills, { turnBytesMax, descriptorsMax })
        },
      ),
      { numRuns: extent(25, 120) },
    )
  })
})
