import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMITTED_CURSOR, COMMITTED_SERIAL } from '../../src/memory/control-words.js'
import type { SubscribedMessage } from '../../src/protocol/messages.js'
import { statusNumber, streamOf } from '../support/lane-messages.js'
import { LaneStage } from '../support/lane-stage.js'
import type { StageClient } from '../support/stage-clients.js'

/** What a feed may do. `hole`: how many offsets are missing before a tick. */
type Deed =
  | { readonly ticks: readonly { readonly symbol: string; readonly hole: number }[] }
  | { readonly malformed: true }
  | { readonly lost: number | null }
  | { readonly gap: number | null }
  | { readonly epoch: number }
  | { readonly feed: 'down' | 'live' }
  | { readonly joins: number }

const ticks = fc.array(
  fc.record({ symbol: fc.constantFrom('A', 'B', '€'), hole: fc.constantFrom(0, 0, 0, 0, 1, 4, 2 ** 40) }),
  { minLength: 1, maxLength: 20 },
)
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ticks }) },
  { weight: 2, arbitrary: fc.record({ malformed: fc.constant(true as const) }) },
  { weight: 1, arbitrary: fc.record({ lost: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }) },
  { weight: 1, arbitrary: fc.record({ gap: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }) },
  { weight: 1, arbitrary: fc.record({ epoch: fc.constantFrom(1, 5, 2 ** 50) }) },
  { weight: 1, arbitrary: fc.record({ feed: fc.constantFrom('down', 'live') }) },
  { weight: 2, arbitrary: fc.record({ joins: fc.integer({ min: 1, max: 3 }) }) },
)

interface Event {
  /** Everybody who has all up to this offset of this epoch has had it. */
  readonly epoch: number
  readonly offset: number
  /** undefined: a loss, for everybody. */
  readonly symbol: string | undefined
  readonly text: string
  /** Of a status of the feed: it has no offset. */
  readonly status?: number
}

/** The plain account of what happens to be told, kept beside a stage. */
class Ledger {
  readonly events: Event[] = []
  private epoch = 0

  constructor(private readonly stage: LaneStage) {}

  do(deed: Deed): void {
    const { stage } = this
    const { offset } = stage
    const next = offset + 1
    if ('ticks' in deed) {
      for (const { symbol, hole } of deed.ticks) {
        const first = stage.offset + 1
        if (hole > 0) stage.hole(hole)
        if (hole > 0) this.loss(`upstream:${first}-${stage.offset}:${hole}`)
        const { epoch } = this
        this.events.push({ epoch, offset: stage.tick({ symbol }), symbol, text: `${symbol}${stage.offset}` })
      }
    } else if ('malformed' in deed) {
      stage.malformed()
      this.loss(`malformed:${next}`)
    } else if ('lost' in deed) {
      const { lost } = deed
      stage.lost('overload', lost)
      if (lost === null) this.loss(`overload:${next}-${next}:null`)
      for (let index = 0; index < (lost ?? 0); index++) this.loss(`overload:${next + index}`)
    } else if ('gap' in deed) {
      stage.gap('upstream', deed.gap)
      this.loss(`upstream:${next}-${offset}:${deed.gap}`)
    } else if ('epoch' in deed) {
      stage.beginEpoch(`e${++this.epoch}`, deed.epoch)
      this.loss(`upstream:${deed.epoch}-${deed.epoch - 1}:null@e${this.epoch}`)
    } else if ('feed' in deed) {
      const { number } = stage.status(deed.feed)
      const { epoch } = this
      this.events.push({ epoch, offset, symbol: undefined, text: `${deed.feed}:n${number}`, status: number })
    } else {
      const id = stage.clients.size + 1
      stage.join(id, deed.joins)
    }
  }

  /** Of a loss that was put into the log now. */
  private loss(text: string): void {
    const { epoch } = this
    this.events.push({ epoch, offset: this.stage.offset, symbol: undefined, text })
  }
}

/** Losses of several ticks in a row taken apart: how they are put together depends on where turns end. */
function apart(stream: readonly string[]): string[] {
  return stream.flatMap(text => {
    const [, reason, from, to, missed] = /^(\w+):(\d+)-(\d+):(\d+)$/.exec(text) ?? []
    if (reason === undefined || reason === 'upstream') return [text]
    expect(Number(missed)).toBe(Number(to) - Number(from) + 1)
    return Array.from({ length: Number(missed) }, (_, index) => `${reason}:${Number(from) + index}`)
  })
}

/** Audiences of all symbols, of two, and of all with a message for each tick. */
const SYMBOLS = [null, ['A', '€'], null]

function check(stage: LaneStage, ledger: Ledger, { audience, messages }: StageClient): void {
  const symbols = SYMBOLS[audience - 1]!
  const begin = messages.findLastIndex(({ type }) => type === 'subscribed')
  // A lane that dies between the answer and what it stands for leaves the client with two, and nothing between.
  expect(messages.slice(0, begin).every(({ type }) => type === 'subscribed')).toBe(true)
  const { epoch, offset, seq } = messages[begin] as SubscribedMessage
  const number = Number(epoch.slice(1))
  const stream = apart(streamOf(messages.slice(begin), seq))
  // The status behind `subscribed` is the present one. All later ones follow, each in its place.
  const present = messages.slice(begin).find(message => message.type === 'status')
  const first = present === undefined ? Number.POSITIVE_INFINITY : statusNumber(present)
  if (present !== undefined && first > 1) expect(messages[begin + 1]).toBe(present)
  const expected = ledger.events.filter(event =>
    event.status === undefined
      ? (event.epoch > number || (event.epoch === number && event.offset > offset)) &&
        (event.symbol === undefined || symbols === null || symbols.includes(event.symbol))
      : event.status >= Math.min(first, stage.statusCount),
  )
  expect(stream).toEqual(expected.map(({ text }) => text))
  expect(stage.audiences.get(audience)!.seq).toBe(
    seq + messages.filter(({ type }) => type === 'ticks').length,
  )
}

/** Plays `chunks`, each when the lane has done all before, and kills lane after lane. */
function play(
  chunks: readonly (readonly Deed[])[],
  kills: readonly number[],
  turnBytesMax = 4096,
): LaneStage {
  const stage = new LaneStage({ frameRingBytes: 1 << 18, turnBytesMax, scratchBytes: 1 << 15 })
  const ledger = new Ledger(stage)
  SYMBOLS.forEach((symbols, index) => {
    stage.open(index + 1, { symbols, batch: index < 2, windowBits: index % 2 === 0 ? 0 : 13 })
    stage.join(index + 1, index + 1)
  })
  let done = 0
  const doNext = (): void => {
    for (const deed of chunks[done++] ?? []) ledger.do(deed)
  }
  doNext()
  const left = [...kills]
  for (;;) {
    const steps = Array.from({ length: chunks.length - done }, () => doNext)
    if (stage.run(steps, left.shift() ?? -1)) break
  }
  expect(done).toBe(Math.max(1, chunks.length))
  for (const client of stage.clients.values()) check(stage, ledger, client)
  expect(stage.state.cursor()).toBe(stage.log.position)
  expect(stage.state.serialLow()).toBe(stage.serial)
  return stage
}

describe('lanes that die', () => {
  const chunk = fc.array(deed, { maxLength: 40 })

  it('lose nothing, repeat nothing and tell every loss once, wherever they die', () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { minLength: 1, maxLength: 6 }),
        fc.array(fc.oneof(fc.nat(60), fc.nat(1500)), { maxLength: 6 }),
        fc.constantFrom(1024, 4096),
        (chunks, kills, turnBytesMax) => {
          play(chunks, kills, turnBytesMax)
        },
      ),
      { numRuns: 120 },
    )
  })

  it('leave nothing undone at any single call', () => {
    const tick = { symbol: 'A', hole: 0 }
    const chunks: Deed[][] = [
      [{ ticks: [tick, tick] }, { malformed: true }, { joins: 1 }, { ticks: [tick] }],
      [{ lost: 3 }, { feed: 'down' }, { ticks: [tick, { symbol: 'B', hole: 3 }] }, { joins: 2 }],
      [{ epoch: 1 }, { feed: 'live' }, { joins: 1 }],
      [{ gap: 2 }, { epoch: 7 }, { ticks: [tick] }, { lost: null }, { gap: null }],
    ]
    for (let killAt = 0; play(chunks, [killAt]).deaths > 0; killAt++);
    for (let killAt = 0; play(chunks, [killAt, killAt >> 1, 7, killAt]).deaths > 3; killAt += 7);
  })

  it('have their successors answer joins without going back behind what was sent', () => {
    const ticks = (count: number): Deed[] =>
      Array.from({ length: count }, () => ({ ticks: [{ symbol: 'A', hole: 0 }] }))
    // Two turns of sixteen records, and while those are transmitted one large one that a successor takes in pieces.
    const chunk = [...ticks(32), { joins: 1 }, ...ticks(40)]
    for (let killAt = 201; play([chunk], [killAt], 8192).deaths > 0; killAt += 2);
  })
})

describe('a successor', () => {
  it('goes on when the lane died after its turn was out and before it was committed', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    const before = stage.state.cursor()
    // Decoding, reserving, describing frames and the end, counting, publishing; then the commit.
    for (let tick = 0; tick < 3; tick++) stage.tick({})
    let killAt = 0
    while (stage.run([], killAt) || stage.state.cursor() !== before || client.messages.length === 0) {
      if (stage.state.cursor() !== before) expect.fail('committed before it was seen')
      killAt++
    }
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'A2', 'A3'])
    stage.tick({})
    expect(stage.run()).toBe(true)
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'A2', 'A3', 'A4'])
  })

  it('knows which losses and which epoch its predecessor has told', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({})
    stage.malformed()
    stage.run()
    stage.beginEpoch('f', 100)
    stage.run()
    stage.tick({})
    stage.run()
    stage.hole(5)
    stage.run()
    stage.tick({})
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual([
      ...['A1', 'malformed:2-2:1', 'upstream:100-99:null@f', 'A100', 'upstream:101-105:5', 'A106'],
    ])
    const late = stage.join(7, 1)
    stage.run()
    expect(late.messages).toMatchObject([{ type: 'subscribed', epoch: 'f', offset: 106 }])
  })

  it('lets the main thread know how far the lane before had come, though that died in the midst of saying so', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.tick({})
    stage.run()
    stage.control[COMMITTED_CURSOR]! -= 2
    stage.control[COMMITTED_SERIAL] = 0
    stage.run()
    expect([stage.state.cursor(), stage.state.serialLow()]).toEqual([stage.log.position, 1])
  })

  it('replies behind all that any audience was sent: a client that comes from there would get ticks twice', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.open(2, { symbols: ['B'] })
    // More than a lane reads before it takes commands.
    for (let tick = 0; tick < 40; tick++) stage.tick({})
    const { progress } = stage.audiences.get(1)!
    stage.audiences.get(1)!.progress = { ...progress, ticksTotal: 40, serial: 40, offset: 40 }
    // As the main thread sends it again.
    const mover = stage.join(100, 2)
    stage.run()
    expect(mover.messages).toMatchObject([{ type: 'subscribed', offset: 40 }])
  })
})
