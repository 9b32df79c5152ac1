/**
 * Question: what does it cost a lane to make the frames of a turn, for one audience and for a thousand?
 * Workload: a turn of 100 ticks of 1,000 symbols. The lane encodes each tick once, notes the tick for each audience of
 *   its symbol, and then composes the message of each audience. Baselines: for each audience `JSON.stringify` of the
 *   selected objects, and a join of the texts of ticks that were written once.
 * Leaves out: reading and decoding the ticks, see decode; the sockets.
 */

import { CounterWriter } from '../src/memory/counters.js'
import { allocateLaneMemory, copierOf } from '../src/memory/lane-allocation.js'
import { laneLayout } from '../src/memory/lane-layout.js'
import { LANE_SLOT_COUNT } from '../src/metrics/metric-table.js'
import { marketCodec } from '../src/ticks/market-codec.js'
import { audienceState, spec } from '../test/support/specs.js'
import type { LaneAudience } from '../workers/collect/lane-audience.js'
import { TurnBuffer } from '../workers/collect/turn-buffer.js'
import { Deflater } from '../workers/compose/deflater.js'
import { FrameComposer } from '../workers/compose/frame-composer.js'
import { AudienceDirectory } from '../workers/conflate/audience-directory.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { sharedTicks } from './decode.js'
import { figuresTable, measure } from './micro.js'
import { decodeTick, tickJson } from './peers/protobuf-ticks.js'
import { syntheticTicks, type Ticks } from './ticks.js'

export const gather: Benchmark = { name: 'gather', run }

const SYMBOLS = 1000
const TICKS = 100
const SYMBOLS_OF_AUDIENCE = 20

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await syntheticTicks(TICKS, SYMBOLS)
  const everything = [undefined]
  const selections = Array.from({ length: options.small ? 10 : 1000 }, (_, audience) =>
    Array.from({ length: SYMBOLS_OF_AUDIENCE }, (_, index) =>
      symbolName((audience * 7 + index * 50) % SYMBOLS),
    ),
  )
  return [
    await compare('gather: a turn for one audience of every symbol', ticks, everything, options),
    await compare(
      `gather: a turn for ${selections.length} audiences of ${SYMBOLS_OF_AUDIENCE} symbols each`,
      ticks,
      selections,
      options,
    ),
  ]
}

function symbolName(index: number): string {
  return `SYM${String(index + 1).padStart(4, '0')}`
}

/** The symbols of each audience; undefined: all symbols. */
type Wanted = readonly (readonly string[] | undefined)[]

async function compare(
  title: string,
  ticks: Ticks,
  wanted: Wanted,
  options: BenchmarkOptions,
): Promise<Table> {
  const lane = laneSide(ticks, wanted)
  const objects = objectSide(ticks, wanted)
  const texts = objects.stringified()
  const expected = texts.filter(text => text !== '').map(text => JSON.parse(text) as unknown)
  if (JSON.stringify(lane.messages()) !== JSON.stringify(expected)) throw new Error('the messages differ')
  const figures = await measure(
    [
      { name: 'lane: encode once, copy spans', operations: 1, run: lane.turn },
      { name: '`JSON.stringify` for each audience', operations: 1, run: objects.stringified },
      { name: 'texts of ticks made once, joined for each audience', operations: 1, run: objects.joined },
    ],
    options,
  )
  return figuresTable(title, figures, [`ns for a turn of ${TICKS} ticks. Ticks: ${ticks.origin}.`])
}

function laneSide(ticks: Ticks, wanted: Wanted): { turn(): number; messages(): unknown[] } {
  const layout = laneLayout(64 << 20, 512 * 1024, 1 << 20)
  const memory = allocateLaneMemory(layout.totalBytes)
  const bytes = new Uint8Array(memory.buffer)
  const turn = new TurnBuffer(bytes, layout, marketCodec)
  const counters = new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT))
  const deflater = new Deflater(bytes, { bytesMin: 0, level: 6 }, counters)
  const composer = new FrameComposer(bytes, copierOf(memory), turn, deflater)
  const directory = new AudienceDirectory(marketCodec)
  const { symbols } = directory
  const { bytes: log, starts } = sharedTicks(ticks)
  const readers = ticks.messages.map((_, index) => {
    const reader = marketCodec.createReader(log)
    reader.decode(starts[index]!, starts[index + 1]!)
    return reader
  })
  const everything: LaneAudience[] = []
  for (const [id, names] of wanted.entries()) {
    const audience = directory.begin(audienceState({ audience: id, spec: spec({ symbols: names ?? null }) }))
    for (const _ of directory.attachAll(audience));
    if (names === undefined) everything.push(audience)
  }
  const gathering: LaneAudience[] = []
  const give = (audience: LaneAudience, tick: number, length: number): void => {
    if (audience.spanCount === 0) gathering.push(audience)
    audience.addTick(tick, length)
  }
  const gatherAll = (): void => {
    gathering.length = 0
    for (let index = 0; index < readers.length; index++) {
      const tick = readers[index]!
      const symbol = symbols.ofTick(log, tick.symbolStart, tick.symbolLength)!
      const { audiences } = symbol
      const at = turn.addJson(tick, symbol, index + 1, 0)
      const length = turn.ticks.json.bytesOf(at)
      for (let which = 0; which < everything.length; which++) give(everything[which]!, at, length)
      for (let which = 0; which < audiences.length; which++) give(audiences[which]!, at, length)
    }
  }
  const composeAll = (each?: (audience: LaneAudience, start: number, end: number) => void): number => {
    let at = layout.framesStart
    for (let index = 0; index < gathering.length; index++) {
      const audience = gathering[index]!
      const start = at
      at = composer.compose(audience, audience, at)
      each?.(audience, start, at)
      audience.clear()
    }
    turn.clear()
    return at
  }
  return {
    turn() {
      gatherAll()
      return composeAll()
    },
    messages() {
      const found: { id: number; message: { seq: number } }[] = []
      gatherAll()
      composeAll((audience, start, end) => {
        const text = Buffer.from(bytes.slice(start, end)).toString('latin1')
        found.push({ id: audience.id, message: JSON.parse(text.slice(text.indexOf('{'))) as { seq: number } })
      })
      return found.sort((a, b) => a.id - b.id).map(({ message }) => message)
    },
  }
}

function objectSide(ticks: Ticks, wanted: Wanted): { stringified(): string[]; joined(): number } {
  const objects = ticks.messages.map(message => tickJson(decodeTick(message)))
  const audiencesOf = new Map<string, number[]>()
  const everything: number[] = []
  for (const [id, names] of wanted.entries()) {
    if (names === undefined) everything.push(id)
    else for (const name of names) audiencesOf.set(name, [...(audiencesOf.get(name) ?? []), id])
  }
  /** The ticks of each audience, as indexes. */
  const selected = (): number[][] => {
    const lists = wanted.map((): number[] => [])
    for (const [index, { symbol }] of objects.entries()) {
      for (const id of everything) lists[id]!.push(index)
      for (const id of audiencesOf.get(symbol) ?? []) lists[id]!.push(index)
    }
    return lists
  }
  return {
    stringified: () =>
      selected().map(list => {
        if (list.length === 0) return ''
        const offset = list.at(-1)! + 1
        return JSON.stringify({ type: 'ticks', seq: 1, offset, ticks: list.map(index => objects[index]) })
      }),
    joined() {
      const texts = objects.map(object => JSON.stringify(object))
      let length = 0
      for (const list of selected()) {
        if (list.length === 0) continue
        const ticksText = list.map(index => texts[index]).join(',')
        length += Buffer.from(
          `{"type":"ticks","seq":1,"offset":${list.at(-1)! + 1},"ticks":[${ticksText}]}`,
        ).length
      }
      return length
    },
  }
}
