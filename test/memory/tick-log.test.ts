import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { advance, distance } from '../../src/memory/ring-position.js'
import {
  COUNT_MAX,
  HEAD_WORD,
  LENGTH_INT32,
  PADDING,
  STREAM_EVENT,
  TICK,
  TICK_BATCH,
  TYPE_INT32,
  TYPE_MASK,
} from '../../src/memory/tick-log-layout.js'
import { TickLogMemory, tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogReader } from '../../src/memory/tick-log-reader.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { findTorn, writePattern } from '../support/pattern.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import type { LogReaderReport, LogReaderTask } from '../support/threads/tick-log-reader.js'
import type { LogWriterTask } from '../support/threads/tick-log-writer.js'

const CAPACITY_BYTES = 1024
const CAPACITY_UNITS = CAPACITY_BYTES / 8
const NO_BYTES = new Uint8Array(0)

/** A log whose positions begin at `head`, with readers that publish only when told to. */
class TestLog {
  readonly memory: SharedArrayBuffer
  readonly cursors: number[]
  readonly writer: TickLogWriter
  readonly readers: TickLogReader[]

  constructor(head: number, readerCount = 1) {
    this.memory = new SharedArrayBuffer(tickLogBytes(CAPACITY_BYTES))
    new Int32Array(this.memory)[HEAD_WORD] = head
    this.cursors = new Array<number>(readerCount).fill(head)
    this.writer = new TickLogWriter(this.memory, () => this.slowest())
    this.readers = this.cursors.map(cursor => new TickLogReader(this.memory, cursor))
  }

  get reader(): TickLogReader {
    return this.readers[0]!
  }

  slowest(): number {
    return this.cursors.reduce((slowest, cursor) => (distance(cursor, slowest) > 0 ? cursor : slowest))
  }

  append(number: number, length: number): boolean {
    const payload = new Uint8Array(length)
    writePattern(payload, 0, length, number)
    const { writer } = this
    if (!writer.tryAppend(TICK, number & COUNT_MAX, number, number, number / 4, payload, 0, length))
      return false
    const used = distance(this.slowest(), writer.position)
    if (used > CAPACITY_UNITS || used < 0) throw new Error(`${used} units in use of ${CAPACITY_UNITS}`)
    return true
  }

  /** Reads one record and checks that it is whole. @returns its number, -1 for none */
  read(index = 0): number {
    const reader = this.readers[index]!
    if (!reader.next()) return -1
    const { bytes, payloadStart, payloadLength, firstOffset } = reader
    if (reader.type !== TICK || reader.count !== (firstOffset & COUNT_MAX)) return -2
    if (reader.receivedUs !== firstOffset / 4) return -3
    return findTorn(bytes, payloadStart, payloadLength, firstOffset) < 0 ? firstOffset : -4
  }

  release(index = 0): void {
    this.cursors[index] = this.readers[index]!.position
  }
}

/** Positions to begin at: one lap of units around 0 and around the point where positions wrap. */
const STARTS = [-64, 2 ** 31 - 64].flatMap(first =>
  Array.from({ length: CAPACITY_UNITS }, (_, unit) => (first + unit) | 0),
)

describe('the tick log', () => {
  it('carries records of every length from every position, also where positions wrap', () => {
    for (const start of STARTS) {
      const { payloadBytesMax } = new TestLog(start).writer
      expect(payloadBytesMax).toBe(CAPACITY_BYTES / 8 - 32)
      const log = new TestLog(start)
      for (let length = 0; length <= payloadBytesMax; length++) {
        const appended =
          log.append(2 * length, length) && log.append(2 * length + 1, payloadBytesMax - length)
        const read = [log.read(), log.reader.payloadLength, log.read(), log.reader.payloadLength, log.read()]
        log.release()
        if (
          !appended ||
          read.join() !== [2 * length, length, 2 * length + 1, payloadBytesMax - length, -1].join()
        )
          expect.fail(`from ${start}, ${length} bytes: appended ${appended}, read ${read}`)
      }
    }
  })

  it('returns false when the log is full, and changes nothing', () => {
    for (const start of STARTS) {
      const log = new TestLog(start)
      let number = 0
      while (log.append(number + 1, 40)) number++
      const bytes = Buffer.from(new Uint8Array(log.memory).slice())
      const { position } = log.writer
      expect(log.append(number + 1, 40)).toBe(false)
      expect(Buffer.compare(bytes, new Uint8Array(log.memory).slice())).toBe(0)
      expect(log.writer.position).toBe(position)
      for (let expected = 1; expected <= number; expected++) expect(log.read()).toBe(expected)
      expect(log.read()).toBe(-1)
      log.release()
      expect(log.append(number + 1, 40)).toBe(true)
    }
  })

  it('can be filled to the last byte', () => {
    for (const start of STARTS.filter(position => position % 4 === 0)) {
      const log = new TestLog(start)
      for (let lap = 1; lap <= 3; lap++) {
        for (let number = 1; number <= CAPACITY_UNITS / 4; number++) expect(log.append(number, 0)).toBe(true)
        expect(distance(start, log.writer.position)).toBe(lap * CAPACITY_UNITS)
        expect(log.append(99, 0)).toBe(false)
        for (let number = 1; number <= CAPACITY_UNITS / 4; number++) expect(log.read()).toBe(number)
        log.release()
      }
    }
  })

  it('takes a record as soon as the slowest reader has freed just enough room', () => {
    for (const start of STARTS.filter(position => position % 4 === 0)) {
      const log = new TestLog(start)
      let number = 0
      while (log.append(number + 1, 0)) number++
      for (let read = 1; read <= 100; read++) {
        expect(log.read()).toBe(read)
        expect(log.append(number + 1, 0)).toBe(false)
        log.release()
        expect(log.append(++number, 0)).toBe(true)
      }
    }
  })

  it('fills the end of the ring with padding that no reader sees', () => {
    const log = new TestLog(CAPACITY_UNITS - 4)
    expect(log.append(7, 16)).toBe(true)
    const { int32 } = new TickLogMemory(log.memory)
    const padding = (CAPACITY_UNITS - 4) * 2
    expect(int32[padding + TYPE_INT32]! & TYPE_MASK).toBe(PADDING)
    expect(int32[padding + LENGTH_INT32]).toBe(3 * 8)
    expect(log.reader.hasNext()).toBe(true)
    expect(log.read()).toBe(7)
    expect(log.reader.payloadStart).toBe(32)
    expect(log.reader.hasNext()).toBe(false)
    expect(log.reader.position).toBe(log.writer.position)
  })

  it('shows a record only when all its bytes are written', () => {
    const log = new TestLog(0)
    const payload = new Uint8Array(8)
    const header = new Int32Array(log.memory)
    let headMeanwhile: number | undefined
    // A payload that looks at the head while it is being read.
    const spying = new Proxy(payload, {
      get(target, key) {
        headMeanwhile = Atomics.load(header, HEAD_WORD)
        return Reflect.get(target, key, target)
      },
    })
    expect(log.writer.tryAppend(STREAM_EVENT, 3, 1, 1, 0, spying, 0, 8)).toBe(true)
    expect(headMeanwhile).toBe(0)
    expect(Atomics.load(header, HEAD_WORD)).toBe(5)
  })

  it('takes a part of a payload, short or long', () => {
    for (const length of [3, 90]) {
      const log = new TestLog(5)
      const payload = Uint8Array.from({ length: 200 }, (_, index) => index)
      expect(log.writer.tryAppend(TICK_BATCH, 2, 1, 1, 0, payload, 17, 17 + length)).toBe(true)
      expect(log.reader.next()).toBe(true)
      const { bytes, payloadStart, payloadLength } = log.reader
      expect([...bytes.slice(payloadStart, payloadStart + payloadLength)]).toEqual([
        ...payload.slice(17, 17 + length),
      ])
    }
  })

  it('keeps every type and the largest count', () => {
    const log = new TestLog(0)
    for (const type of [TICK, TICK_BATCH, STREAM_EVENT] as const) {
      log.writer.tryAppend(type, COUNT_MAX, 2 ** 52, 2 ** 53 - 1, 0, NO_BYTES, 0, 0)
      expect(log.reader.next()).toBe(true)
      expect([log.reader.type, log.reader.count, log.reader.firstOffset]).toEqual([
        type,
        COUNT_MAX,
        2 ** 53 - 1,
      ])
    }
  })

  it('throws, with the values, for what cannot be a record', () => {
    const log = new TestLog(0)
    expect(() => log.append(1, log.writer.payloadBytesMax + 1)).toThrow(/payload of 97 bytes, at most 96/)
    expect(() => log.writer.tryAppend(TICK, COUNT_MAX + 1, 1, 1, 0, NO_BYTES, 0, 0)).toThrow(/count 8388608/)
    expect(() => tickLogBytes(1000)).toThrow(/1000 bytes/)
    expect(() => tickLogBytes(512)).toThrow(/512 bytes/)
  })

  it('lets every reader read at its own pace, and the slowest hold up the writer', () => {
    const log = new TestLog(2 ** 31 - 10, 3)
    const next = [1, 1, 1]
    let number = 0
    const readAll = (index: number): void => {
      for (let read = log.read(index); read !== -1; read = log.read(index)) expect(read).toBe(next[index]!++)
      log.release(index)
    }
    while (log.append(number + 1, 16)) number++
    for (let lap = 0; lap < 20; lap++) {
      readAll(0)
      readAll(2)
      expect(log.append(number + 1, 16)).toBe(false)
      expect(log.read(1)).toBe(next[1]!++)
      expect(log.append(number + 1, 16)).toBe(false)
      readAll(1)
      const before = number
      while (log.append(number + 1, 16)) number++
      expect(number).toBeGreaterThan(before + 15)
    }
  })

  it('goes on for a reader that begins at the cursor of another', () => {
    const log = new TestLog(2 ** 31 - 7)
    for (let number = 1; number <= 6; number++) log.append(number, number * 5)
    for (let number = 1; number <= 3; number++) expect(log.read()).toBe(number)
    log.readers.push(new TickLogReader(log.memory, log.reader.position))
    for (let number = 4; number <= 6; number++) expect(log.read(1)).toBe(number)
    expect(log.read(1)).toBe(-1)
  })

  it('behaves like a bounded queue, whatever is done in whatever order', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ append: fc.nat(96) }) },
      { weight: 4, arbitrary: fc.record({ read: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ release: fc.nat(2) }) },
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.integer({ min: 2 ** 31 - 300, max: 2 ** 31 - 1 })),
        fc.array(step, { maxLength: 300 }),
        (start, steps) => {
          const log = new TestLog(start, 3)
          // The model: all records ever, how many each reader has read, and where each has published.
          const ends = [start]
          const read = [0, 0, 0]
          const released = [start, start, start]
          for (const step of steps) {
            if ('append' in step) {
              const head = ends.at(-1)!
              const toEnd = CAPACITY_UNITS - (head & (CAPACITY_UNITS - 1))
              const units = Math.ceil((32 + step.append) / 8)
              const taken = units > toEnd ? toEnd + units : units
              const used = Math.max(...released.map(cursor => distance(cursor, head)))
              const fits = used + taken <= CAPACITY_UNITS
              expect(log.append(ends.length, step.append)).toBe(fits)
              if (fits) ends.push(advance(head, taken))
            } else if ('read' in step) {
              const expected = read[step.read]! < ends.length - 1 ? ++read[step.read]! : -1
              expect(log.read(step.read)).toBe(expected)
            } else {
              released[step.release] = ends[read[step.release]!]!
              log.release(step.release)
              expect(log.cursors[step.release]).toBe(released[step.release])
            }
          }
          expect(log.writer.position).toBe(ends.at(-1))
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('the tick log between threads', () => {
  afterEach(terminateThreads)

  async function run(options: {
    capacityBytes: number
    start: number
    records: number
    payloadBytesMax: number
    publishEvery: number[]
    publishedTooEarly?: number
  }): Promise<LogReaderReport[]> {
    const { start, records, payloadBytesMax, publishEvery, publishedTooEarly = 0 } = options
    const memory = new SharedArrayBuffer(tickLogBytes(options.capacityBytes))
    new Int32Array(memory)[HEAD_WORD] = start
    const cursors = new SharedArrayBuffer(4 * publishEvery.length)
    new Int32Array(cursors).fill(start)
    const readers = publishEvery.map((every, index) => {
      const task: LogReaderTask = { memory, cursors, index, records, payloadBytesMax, publishEvery: every }
      return reportOf<LogReaderReport>(startThread('tick-log-reader', task))
    })
    const task: LogWriterTask = { memory, cursors, records, payloadBytesMax, publishedTooEarly }
    const writer = reportOf(startThread('tick-log-writer', task))
    const reports = await Promise.all(readers)
    if (reports.every(({ error }) => error === '')) await writer
    return reports
  }

  it('brings a million records to another thread, each once, in order and whole', async () => {
    const records = 1_000_000
    const [report] = await run({
      capacityBytes: 64 * 1024,
      start: 2 ** 31 - 100_000,
      records,
      payloadBytesMax: 40,
      publishEvery: [64],
    })
    expect(report).toEqual({ records, error: '' })
  })

  it('brings records through a log that is always full', async () => {
    const records = 40_000
    const [report] = await run({
      capacityBytes: 1024,
      start: 2 ** 31 - 1000,
      records,
      payloadBytesMax: 96,
      publishEvery: [1],
    })
    expect(report).toEqual({ records, error: '' })
  })

  it('brings every record to two threads of different pace', async () => {
    const records = 100_000
    const reports = await run({
      capacityBytes: 8192,
      start: -1000,
      records,
      payloadBytesMax: 100,
      publishEvery: [1, 13],
    })
    expect(reports).toEqual([
      { records, error: '' },
      { records, error: '' },
    ])
  })

  it('is tested by readers that notice a record published before its bytes', async () => {
    // Records of one size, so that what stands there is a whole record of the lap before.
    const [report] = await run({
      capacityBytes: 1024,
      start: 0,
      records: 1000,
      payloadBytesMax: 0,
      publishEvery: [1],
      publishedTooEarly: 900,
    })
    // 32 records of 32 bytes make a lap.
    expect(report).toEqual({ records: 900, error: 'record 868 in place of 900' })
  })
})
