import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMITTED_CURSOR, COMMITTED_OFFSET } from '../../src/memory/control-words.js'
import type { SubscribedMessage } from '../../src/protocol/messages.js'
import { statusNumber, streamOf } from '../support/lane-messages.js'
import { LaneStage } from '../support/lane-stage.js'
import type { StageClient } from '../support/stage-clients.js'

/** How far a tick's position is past the one before; or that it is far from any count, or the tick before once more. */
type Step = number | 'wild' | 'again'

/** What a feed may do. */
type Deed =
  | { readonly ticks: readonly { readonly symbol: string; readonly step: Step }[] }
  | { readonly malformed: true }
  | { readonly lost: number | null }
  | { readonly gap: number | null }
  | { readonly continuous: boolean }
  | { readonly feed: 'down' | 'live' }
  | { readonly joins: number }

const ticks = fc.array(
  fc.record({
    symbol: fc.constantFrom('A', 'B', '€'),
    step: fc.oneof(
      { weight: 5, arbitrary: fc.constant(1) },
      { weight: 5, arbitrary: fc.constantFrom<Step>(0, 2, 5, -2, 'again') },
      { weight: 1, arbitrary: fc.constant<Step>('wild') },
    ),
  }),
  { minLength: 1, maxLength: 20 },
)
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ticks }) },
  { weight: 2, arbitrary: fc.record({ malformed: fc.constant(true as const) }) },
  { weight: 1, arbitrary: fc.record({ lost: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }) },
  { weight: 1, arbitrary: fc.record({ gap: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }) },
  { weight: 1, arbitrary: fc.record({ continuous: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ feed: fc.constantFrom('down', 'live') }) },
  { weight: 2, arbitrary: fc.record({ joins: fc.integer({ min: 1, max: 3 }) }) },
)

interface Event {
  /** Everybody who has all up to this offset has had it. */
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
  private sent = 0
  private sequence = 0
  private last = 0
  private lastSequence = 0
  private told = 0
  private isSessionBoundary = false
  /** Whether positions up to the last one are sent again, and from where on. */
  private sentAgainFrom = Number.POSITIVE_INFINITY
  private isInDoubt = false

  constructor(private readonly stage: LaneStage) {}

  do(deed: Deed): void {
    const { stage } = this
    const offset = stage.offset + 1
    if ('ticks' in deed) {
      // A position of 0 is none.
      let position = Math.max(1, this.sent)
      const placed = deed.ticks.map(({ symbol, step }, index) => {
        if (step !== 'again') this.sequence = offset + index
        if (step === 'wild') position = Number.MAX_SAFE_INTEGER - (offset % 5)
        else if (step !== 'again') position = this.sent = Math.max(1, this.sent + step)
        return { symbol, position, sequence: this.sequence }
      })
      stage.batch(placed)
      for (const [index, { symbol, position, sequence }] of placed.entries())
        this.tick(offset + index, symbol, position, sequence)
    } else if ('malformed' in deed) {
      this.sent++
      this.told++
      this.loss(offset, `malformed:${stage.malformed()}`)
    } else if ('lost' in deed) {
      const missed = deed.lost
      stage.lost('overload', missed)
      this.told += missed ?? 0
      this.sent += missed ?? 0
      if (missed === null) this.loss(offset, `overload:${offset}-${offset}:null`)
      for (let index = 0; index < (missed ?? 0); index++)
        this.loss(stage.offset, `overload:${offset + index}`)
    } else if ('gap' in deed) {
      stage.gap('upstream', deed.gap)
      this.told += deed.gap ?? 0
      this.sent += deed.gap ?? 0
      this.loss(offset, `upstream:${offset}-${offset - 1}:${deed.gap}`)
    } else if ('continuous' in deed) {
      stage.event({ op: 'session', first: false, continuous: deed.continuous })
      if (!deed.continuous || this.last === 0 || this.isInDoubt) {
        this.isSessionBoundary = true
        this.last = 0
        this.isInDoubt = false
      }
      this.sentAgainFrom = 0
      this.told = 0
    } else if ('feed' in deed) {
      const { number } = stage.status(deed.feed)
      this.events.push({ offset, symbol: undefined, text: `${deed.feed}:n${number}`, status: number })
    } else {
      const id = stage.clients.size + 1
      stage.join(id, deed.joins)
    }
  }

  private tick(offset: number, symbol: string, position: number, sequence: number): void {
    const isFirst = this.last === 0
    if (!isFirst && this.isSentAgain(position, sequence)) {
      this.sentAgainFrom = position
      return
    }
    const missed = isFirst ? 0 : position - this.last - 1 - this.told
    const isBroken = !isFirst && (position <= this.last || missed > (this.isInDoubt ? 0 : 2 ** 40))
    if (this.isSessionBoundary || isBroken) this.loss(offset, `upstream:${offset}-${offset - 1}:null`)
    else if (missed > 0) this.loss(offset, `upstream:${offset}-${offset - 1}:${missed}`)
    this.isInDoubt = isBroken || (isFirst && position > 2 ** 40)
    this.isSessionBoundary = false
    this.sentAgainFrom = Number.POSITIVE_INFINITY
    this.last = position
    this.lastSequence = sequence
    this.told = 0
    this.events.push({ offset, symbol, text: `${symbol}${sequence}` })
  }

  /** Whether it is the last tick once more, or one of those before it at the beginning of a session that goes on. */
  private isSentAgain(position: number, sequence: number): boolean {
    if (position === this.last) return sequence === this.lastSequence
    return position < this.last && position >= this.sentAgainFrom
  }

  private loss(offset: number, text: string): void {
    this.events.push({ offset, symbol: undefined, text })
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
  const { offset, seq } = messages[begin] as SubscribedMessage
  const stream = apart(streamOf(messages.slice(begin), seq))
  // The status behind `subscribed` is the present one. All later ones follow, each in its place.
  const present = messages.slice(begin).find(message => message.type === 'status')
  const first = present === undefined ? Number.POSITIVE_INFINITY : statusNumber(present)
  if (present !== undefined && first > 1) expect(messages[begin + 1]).toBe(present)
  const expected = ledger.events.filter(event =>
    event.status === undefined
      ? event.offset > offset &&
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
  expect(stage.state.offsetLow()).toBe(stage.offset)
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
    const tick = { symbol: 'A', step: 1 }
    const chunks: Deed[][] = [
      [{ ticks: [tick, tick] }, { malformed: true }, { joins: 1 }, { ticks: [tick] }],
      [{ lost: 3 }, { feed: 'down' }, { ticks: [tick, { symbol: 'B', step: 4 }] }, { joins: 2 }],
      [{ continuous: true }, { feed: 'live' }, { joins: 1 }],
      [{ gap: 2 }, { continuous: false }, { ticks: [tick] }, { lost: null }, { gap: null }],
    ]
    for (let killAt = 0; play(chunks, [killAt]).deaths > 0; killAt++);
    for (let killAt = 0; play(chunks, [killAt, killAt >> 1, 7, killAt]).deaths > 3; killAt += 7);
  })

  it('have their successors answer joins without going back behind what was sent', () => {
    const ticks = (count: number): Deed[] =>
      Array.from({ length: count }, () => ({ ticks: [{ symbol: 'A', step: 1 }] }))
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

  it('knows which losses its predecessor has told', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({ position: 1 })
    stage.malformed()
    stage.run()
    stage.tick({ position: 3 })
    stage.run()
    stage.event({ op: 'session', first: false, continuous: false })
    stage.run()
    stage.tick({ position: 3 })
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'malformed:2-2:1', 'A3', 'upstream:4-3:null', 'A4'])
  })

  it('lets the main thread know how far the lane before had come, though that died in the midst of saying so', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.tick({})
    stage.run()
    stage.control[COMMITTED_CURSOR]! -= 2
    stage.control[COMMITTED_OFFSET] = 0
    stage.run()
    expect([stage.state.cursor(), stage.state.offsetLow()]).toEqual([stage.log.position, 1])
  })

  it('replies behind all that any audience was sent: a client that comes from there would get ticks twice', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.open(2, { symbols: ['B'] })
    // More than a lane reads before it takes commands.
    for (let tick = 0; tick < 40; tick++) stage.tick({})
    const { progress } = stage.audiences.get(1)!
    stage.audiences.get(1)!.progress = { ...progress, ticksTotal: 40, lastOffset: 40 }
    // As the main thread sends it again.
    const mover = stage.join(100, 2)
    stage.run()
    expect(mover.messages).toMatchObject([{ type: 'subscribed', offset: 40 }])
  })
})
