import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { distance } from '../../src/memory/ring-position.js'
import { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { HEAD_WORD, recordUnits, STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { findTorn, patternLength, writePattern } from '../support/pattern.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import type { LogReaderReport, LogReaderTask } from '../support/threads/tick-log-reader.js'
import type { LogWriterTask } from '../support/threads/tick-log-writer.js'
import { sequences } from '../support/ticks.js'

const CAPACITY_BYTES = 1024
const CAPACITY_UNITS = CAPACITY_BYTES / 8
const SAFE_UNITS = (CAPACITY_UNITS * 3) / 4
const BLOCK_UNITS = 32

/** A log whose lanes have read all that was written, so that nothing holds up the writer. */
class WrittenLog {
  readonly memory: SharedArrayBuffer
  readonly writer: TickLogWriter
  readonly history: TickLogHistory
  /** Of the last tick. */
  offset = 0
  /** Where the record of each tick begins; that of a tick of offset 1 at index 1. */
  readonly starts: number[] = [0]

  constructor(head = 0, capacityBytes = CAPACITY_BYTES) {
    this.memory = new SharedArrayBuffer(tickLogBytes(capacityBytes))
    new Int32Array(this.memory)[HEAD_WORD] = head
    this.writer = new TickLogWriter(this.memory, () => this.writer.position)
    this.history = new TickLogHistory(this.memory)
  }

  get head(): number {
    return this.writer.position
  }

  /** Appends a record of `count` ticks, whose bytes tell its first offset. */
  append(length = 0, count = 1): void {
    const before = this.head
    this.put(count === 1 ? TICK : TICK_BATCH, count, length)
    // Padding stands before the record.
    const padding = distance(before, this.head) - recordUnits(length)
    for (let tick = 0; tick < count; tick++) this.starts.push((before + padding) | 0)
    this.offset += count
  }

  event(length = 8): void {
    this.put(STREAM_EVENT, 0, length)
  }

  private put(
    type: typeof TICK | typeof TICK_BATCH | typeof STREAM_EVENT,
    count: number,
    length: number,
  ): void {
    const payload = new Uint8Array(length)
    const first = this.offset + 1
    writePattern(payload, 0, length, first)
    if (!this.writer.tryAppend(type, count, first, first, first / 4, payload, 0, length))
      throw new Error('the log is full')
  }

  /** The record in hand, after a check that it is whole: `3-5` for the ticks from 3 to 5, `e6` for an event before tick 6. */
  record(): string {
    const { bytes, count, firstOffset, payloadLength, payloadStart, receivedUs, type } = this.history
    expect(receivedUs).toBe(firstOffset / 4)
    expect(findTorn(bytes, payloadStart, payloadLength, firstOffset)).toBe(-1)
    return type === STREAM_EVENT ? `e${firstOffset}` : `${firstOffset}-${firstOffset + count - 1}`
  }

  /** All records from here to the end. */
  rest(): string[] {
    const records: string[] = []
    while (this.history.next()) records.push(this.record())
    return records
  }
}

/** Positions to begin at: one lap around 0 and around the point where positions wrap. */
const STARTS = [-CAPACITY_UNITS / 2, 2 ** 31 - CAPACITY_UNITS / 2].flatMap(first =>
  Array.from({ length: CAPACITY_UNITS }, (_, unit) => (first + unit) | 0),
)

describe('the history of the tick log', () => {
  it('is empty while nothing was written', () => {
    for (const start of STARTS) {
      const { history } = new WrittenLog(start)
      expect([history.seek(0), history.next()]).toEqual([false, false])
    }
  })

  it('has all records from the beginning on while the log is new, also those before the first tick', () => {
    const log = new WrittenLog(5)
    log.event()
    log.append(20, 3)
    log.event(40)
    log.append()
    for (const offset of [0, 1]) {
      expect(log.history.seek(offset)).toBe(true)
      expect(log.rest()).toEqual(['e1', '1-3', 'e4', '4-4'])
      expect(log.history.next()).toBe(false)
    }
  })

  it('says that the first record is far from being overwritten until the newer half of the safe share is full', () => {
    for (const start of STARTS) {
      const log = new WrittenLog(start)
      do {
        log.append()
        expect(log.history.seek(0)).toBe(true)
        expect(log.history.isInNewerHalf).toBe(distance(log.starts[1]!, log.head) <= SAFE_UNITS / 2)
      } while (log.history.isInNewerHalf)
      expect(log.history.seek(0)).toBe(true)
    }
  })

  it('goes on with records that were written meanwhile', () => {
    const log = new WrittenLog()
    log.append()
    expect(log.history.seek(0)).toBe(true)
    expect(log.rest()).toEqual(['1-1'])
    log.event()
    log.append()
    expect(log.rest()).toEqual(['e2', '2-2'])
  })

  it('finds the record of a tick from any offset in the record', () => {
    const log = new WrittenLog()
    while (log.offset < 60) log.append(60, 6)
    for (let offset = log.offset - 12; offset <= log.offset; offset++) {
      expect(log.history.seek(offset)).toBe(true)
      const first = Number.parseInt(log.rest()[0]!, 10)
      expect(first).toBeLessThanOrEqual(offset)
    }
  })

  it('finds a record after padding of any length', () => {
    for (const start of STARTS) {
      const log = new WrittenLog(start)
      for (let record = 0; record < 30; record++) log.append(8 * (record % 11))
      expect(log.history.seek(29)).toBe(true)
      expect(log.rest().slice(-2)).toEqual(['29-29', '30-30'])
    }
  })

  it('finds records that are longer than a block, and their neighbours', () => {
    const log = new WrittenLog(-20, 4096)
    for (let record = 0; record < 8; record++) {
      log.append(480)
      log.append(0)
    }
    for (let offset = 12; offset <= 16; offset++) {
      expect(log.history.seek(offset)).toBe(true)
      const rest = log.rest()
      const first = 17 - rest.length
      expect(first).toBeLessThanOrEqual(offset)
      expect(rest).toEqual(sequences(first, 16).map(tick => `${tick}-${tick}`))
    }
  })
})

describe('a record three quarters of the log behind the head', () => {
  /** Every record takes four units, so that eight make a block. */
  function written(records: number): WrittenLog {
    const log = new WrittenLog()
    for (let record = 0; record < records; record++) log.append(0)
    return log
  }

  it('can be read, and the record before it cannot', () => {
    const log = written(SAFE_UNITS / 4)
    expect(log.history.seek(0)).toBe(true)
    expect(log.rest()).toHaveLength(24)
    log.append()
    // The first block is gone, and with it the ticks up to 8.
    // After the tick 8 nothing is missing.
    expect([0, 7, 8, 9].map(offset => log.history.seek(offset))).toEqual([false, false, true, true])
    expect(log.rest()[0]).toBe('9-9')
  })

  it('is not intact once the writer has moved on, though its bytes are still there', () => {
    const log = written(4)
    log.history.seek(0)
    expect(log.history.next()).toBe(true)
    while (distance(0, log.head) < SAFE_UNITS) log.append()
    expect([log.record(), log.history.isIntact()]).toEqual(['1-1', true])
    log.append()
    expect([log.record(), log.history.isIntact()]).toEqual(['1-1', false])
  })

  it('is refused by a reader that comes too late', () => {
    const log = written(4)
    log.history.seek(0)
    log.history.next()
    // The second record begins four units on.
    while (distance(4, log.head) < SAFE_UNITS) log.append()
    expect(log.history.next()).toBe(true)
    expect(log.record()).toBe('2-2')
    log.append()
    log.append()
    expect([log.history.next(), log.history.isIntact()]).toEqual([false, false])
    expect(log.history.next()).toBe(false)
  })

  it('is refused when it is overwritten after the reader looked at the head', () => {
    const log = written(8)
    log.history.seek(0)
    const { read } = log.history
    // As if this thread had slept there, and found bytes that are no header.
    log.history.read = (memory, position) => {
      while (distance(0, log.head) <= CAPACITY_UNITS) log.append(16)
      memory.int32.fill(-1)
      read.call(log.history, memory, position)
    }
    expect(log.history.next()).toBe(false)
  })
})

describe('the history of any log', () => {
  it('has all ticks after an offset, in order and whole, or reports that some are gone', () => {
    const record = fc.oneof(
      { weight: 3, arbitrary: fc.record({ length: fc.nat(), count: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ event: fc.nat() }) },
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.integer({ min: 2 ** 31 - 300, max: 2 ** 31 - 1 })),
        fc.constantFrom(1024, 4096),
        fc.array(record, { minLength: 1, maxLength: 60 }),
        (start, capacityBytes, records) => {
          const log = new WrittenLog(start, capacityBytes)
          const lengthMax = log.writer.payloadBytesMax
          for (const each of records) {
            if ('event' in each) log.event(each.event % lengthMax)
            else log.append(each.length % lengthMax, each.count)
          }
          for (let offset = 0; offset < log.offset; offset++) {
            const behind = distance(log.starts[Math.max(1, offset)]!, log.head)
            if (!log.history.seek(offset)) {
              // Where to begin is known by the block, into which a record may reach from before.
              const isNear = behind <= (capacityBytes / 8) * (3 / 4 - 2 / 8) - BLOCK_UNITS
              if (isNear) expect.fail(`offset ${offset} is ${behind} units behind and not found`)
              continue
            }
            const found = log.rest().filter(text => !text.startsWith('e'))
            let next = Number.parseInt(found[0]!, 10)
            expect(next).toBeLessThanOrEqual(offset + 1)
            for (const text of found) {
              const [first, last] = text.split('-').map(Number)
              expect(first).toBe(next)
              next = last! + 1
            }
            expect(next).toBe(log.offset + 1)
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('the history of a log that another thread writes', () => {
  afterEach(terminateThreads)

  it('never reports an overwritten record as intact', async () => {
    const records = 100_000
    const payloadBytesMax = 96
    const memory = new SharedArrayBuffer(tickLogBytes(CAPACITY_BYTES))
    const cursors = new SharedArrayBuffer(4)
    const readerTask: LogReaderTask = { memory, cursors, index: 0, records, payloadBytesMax, publishEvery: 1 }
    const reader = reportOf<LogReaderReport>(startThread('tick-log-reader', readerTask))
    const writerTask: LogWriterTask = { memory, cursors, records, payloadBytesMax, publishedTooEarly: 0 }
    startThread('tick-log-writer', writerTask)
    const history = new TickLogHistory(memory)
    let whole = 0
    let isFinished = false
    const report = reader.finally(() => {
      isFinished = true
    })
    for (let isLast = false; !isLast; ) {
      // Once more when nothing changes any more.
      isLast = isFinished
      await new Promise(setImmediate)
      for (let look = 0; look < 50 && history.seek(Number.MAX_SAFE_INTEGER) && history.next(); look++) {
        // As old as it may be, so that the writer comes round to it soon.
        for (let back = 8; back > 0 && !history.seek(history.firstOffset - back); back--);
        while (history.next()) {
          const { bytes, count, firstOffset, payloadLength, payloadStart } = history
          let isRight =
            count === (firstOffset & 0xffff) && payloadLength === patternLength(firstOffset, payloadBytesMax)
          // Again and again, as if much had to be done with the bytes.
          for (let use = 0; use < whole % 64; use++)
            isRight &&= findTorn(bytes, payloadStart, payloadLength, firstOffset) < 0
          if (!history.isIntact()) continue
          if (isRight) whole++
          else expect.fail(`record ${firstOffset} is torn`)
        }
      }
    }
    expect(await report).toEqual({ records, error: '' })
    expect(whole).toBeGreaterThan(0)
  })
})
