import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'

interface LogRecord {
  /** 0: a stream event. */
  readonly count: number
  readonly bytes: number
  /** Received so much later than the record before, µs. */
  readonly afterUs: number
}

const record: fc.Arbitrary<LogRecord> = fc.record({
  count: fc.nat(3),
  bytes: fc.integer({ min: 8, max: 60 }),
  afterUs: fc.constantFrom(0, 1, 2, 10),
})

/** First offset and time of each record of ticks. */
function write(writer: TickLogWriter, records: readonly LogRecord[]) {
  const written: { readonly offset: number; readonly receivedUs: number }[] = []
  let offset = 1
  let receivedUs = 100
  for (const { afterUs, bytes, count } of records) {
    receivedUs += afterUs
    const type = count === 0 ? STREAM_EVENT : count === 1 ? TICK : TICK_BATCH
    // Events have no time.
    writer.tryAppend(
      type,
      count,
      offset,
      offset,
      count === 0 ? 0 : receivedUs,
      new Uint8Array(bytes),
      0,
      bytes,
    )
    if (count > 0) written.push({ offset, receivedUs })
    offset += count
  }
  return written
}

it('finds the first record that was received at a time or later, and says whether an earlier one is there', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 150 }), fc.integer({ min: 99, max: 700 }), (records, time) => {
      const memory = new SharedArrayBuffer(tickLogBytes(1024))
      const writer = new TickLogWriter(memory, () => writer.position)
      const written = write(writer, records)
      const history = new TickLogHistory(memory)
      const hasEarlier = history.seekReceived(time)
      const expected = written.find(({ receivedUs }) => receivedUs >= time)
      const found = history.nextTicks() ? history.firstOffset : undefined
      if (hasEarlier) expect(found).toBe(expected?.offset)
      // The log holds no record from before that time, so it begins at the oldest one that is there.
      else if (found !== undefined) expect(found).toBeGreaterThanOrEqual(expected!.offset)
      const isAllThere = writer.position < 96
      if (isAllThere) expect(hasEarlier).toBe(written.some(({ receivedUs }) => receivedUs < time))
    }),
    { numRuns: 500 },
  )
})
