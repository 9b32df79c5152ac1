import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/common/clock.js'
import { Ingest } from '../../src/ingest/ingest.js'
import { DOWN_AFTER_MS, LIVE_AFTER_MS } from '../../src/ingest/source-state.js'
import { decodeEvent, type StreamEvent } from '../../src/lane-protocol/stream-events.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { CONTROL_BYTES, FOR_COMMIT, MAIN_WAITS } from '../../src/memory/control-words.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogReader } from '../../src/memory/tick-log-reader.js'
import { MAIN_SLOT_COUNT, MAIN_SLOTS, type MainMetric } from '../../src/metrics/metric-table.js'
import { BatchReader } from '../../src/ticks/batch-reader.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { MarketTickReader } from '../../src/ticks/market-tick-reader.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { FakeClock } from '../support/fake-clock.js'
import { encodeTick, encodeTickBatch } from '../support/proto-messages.js'

const LAYOUT = laneLayout(65_536, 2048, 0)
const LANE_COUNT = 2

/** A reader of the log in a lane's place: notes what it reads, commits when told to. */
class FakeLane {
  /** Ticks as their sequence numbers, −1 for what is no tick; losses as `reason missed`, other events as they are. */
  readonly read: unknown[] = []
  /** Ticks in each record. */
  readonly counts: number[] = []
  /** When the ticks of each record reached the intake, µs. */
  readonly receivedUs: number[] = []
  records = 0
  bytesMax = 0
  serial = 0
  offset = 0
  private readonly log: TickLogReader
  private readonly batch = new BatchReader(1)
  private readonly reader: MarketTickReader

  constructor(
    private readonly handle: LaneHandle,
    tickLog: SharedArrayBuffer,
  ) {
    this.log = new TickLogReader(tickLog, 0)
    this.reader = new MarketTickReader(this.log.bytes)
  }

  /** Reads at most `records` and commits. */
  work(records = Number.POSITIVE_INFINITY): void {
    const before = this.records
    while (this.records - before < records && this.log.next()) this.record()
    const { position } = this.log
    this.handle.state.commit({
      cursor: position,
      serial: this.serial,
      offset: this.offset,
      epoch: 0,
    })
  }

  private record(): void {
    const { log } = this
    this.records++
    const end = log.payloadStart + log.payloadLength
    this.bytesMax = Math.max(this.bytesMax, log.payloadLength)
    // Serial numbers are consecutive over all records.
    expect(log.firstSerial).toBe(this.serial + 1)
    if (log.type === STREAM_EVENT) {
      const event = decodeEvent(log.bytes.subarray(log.payloadStart, end))
      this.read.push(event.op === 'lost' ? `${event.reason} ${event.missed}` : event)
      if (event.op !== 'lost') return
      this.serial++
      this.offset = event.offset
      return
    }
    // A loss tells of each hole before the tick behind it.
    expect(log.firstOffset).toBe(this.offset + 1)
    const before = this.read.length
    expect(log.receivedUs).toBeGreaterThan(1e15)
    if (log.type === TICK) this.tick(log.payloadStart, end)
    else {
      expect(log.type).toBe(TICK_BATCH)
      this.batch.reset(log.bytes, log.payloadStart, end)
      while (this.batch.next()) this.tick(this.batch.tickStart, this.batch.tickEnd)
      expect(this.batch.isBroken).toBe(false)
    }
    expect(this.read.length - before).toBe(log.count)
    this.counts.push(log.count)
    this.receivedUs.push(log.receivedUs)
    this.serial += log.count
    this.offset += log.count
  }

  private tick(start: number, end: number): void {
    this.read.push(this.reader.decode(start, end) ? this.reader.sequenceLow : -1)
  }
}

class FakeSource {
  isPaused = false
  readonly calls: string[] = []

  pause(): void {
    this.isPaused = true
    this.calls.push('pause')
  }

  resume(): void {
    this.isPaused = false
    this.calls.push('resume')
  }
}

interface BeginOptions {
  readonly logBytes?: number
  readonly queueSize?: number
  readonly clock?: Clock
  readonly codec?: TickCodec
}

function begin({
  logBytes = 65_536,
  queueSize = 1_000_000,
  clock = systemClock,
  codec = marketCodec,
}: BeginOptions = {}) {
  const tickLog = new SharedArrayBuffer(tickLogBytes(logBytes))
  const handles = Array.from({ length: LANE_COUNT }, (_, index) => new LaneHandle(index, LAYOUT, 8, () => {}))
  const counters = new CounterWriter(
    new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
  )
  const intake = new Ingest({
    tickLog,
    lanes: handles,
    queueSize,
    codec,
    positions: { tellLosses: true, areRepeated: false },
    epochName: 'e',
    positionWatch: { broken: () => {} },
    streamMoved: () => {},
    clock,
    counters,
  })
  const source = new FakeSource()
  intake.attach(source)
  const lanes = handles.map(handle => new FakeLane(handle, tickLog))
  const count = (metric: MainMetric): number => counters.values[MAIN_SLOTS[metric]]!
  /** Lets every lane do all there is, and the intake see it, until nothing is left. */
  function workAll(): void {
    do {
      for (const lane of lanes) lane.work()
      intake.lanesMoved()
    } while (!intake.isCaughtUp)
  }
  const isRungFor = (): boolean[] =>
    handles.map(({ memory }) => new Int32Array(memory, 0, CONTROL_BYTES / 4)[MAIN_WAITS] === FOR_COMMIT)
  return { count, intake, isRungFor, lanes, handles, source, workAll }
}

let last = 0
/** Ticks with sequence numbers from `first` on. */
function batchOf(first: number, count: number, symbol = 'BTCUSDT'): Buffer {
  last = first + count - 1
  return encodeTickBatch({
    ticks: Array.from({ length: count }, (_, index) => ({
      symbol,
      kind: 1,
      sequence: first + index,
      bid: 1.5,
    })),
  })
}

/** Losses side by side as one. */
function summed(read: readonly unknown[]): unknown[] {
  const whole: unknown[] = []
  let lost = 0
  for (const each of [...read, 'end']) {
    const [, missed] = /^upstream (\d+)$/.exec(String(each)) ?? []
    if (missed === undefined) {
      if (lost > 0) whole.push(`upstream ${lost}`)
      whole.push(each)
      lost = 0
    } else lost += Number(missed)
  }
  return whole
}

const numbers = (first: number, end = last): number[] =>
  Array.from({ length: end - first + 1 }, (_, index) => first + index)

describe('the intake', () => {
  it('gives every tick an offset, one after the other, to all lanes', () => {
    const { count, intake, lanes, workAll } = begin()
    intake.push(encodeTick({ symbol: 'A', kind: 1, sequence: 1 }), 'tick')
    intake.push(batchOf(2, 5), 'batch')
    intake.sessionStarted({ number: 2, continuous: true })
    intake.push(batchOf(7, 1), 'batch')
    expect(intake.numbering.offset).toBe(8)
    expect(intake.isCaughtUp).toBe(false)
    workAll()
    expect(intake.isCaughtUp).toBe(true)
    for (const { read } of lanes) expect(read).toEqual([1, 2, 3, 4, 5, 6, 'upstream null', 7])
    expect(count('ticksReceived')).toBe(7)
  })

  it('splits large batches between ticks', () => {
    const { intake, lanes, workAll } = begin()
    intake.push(batchOf(1, 1000, 'A'), 'batch')
    workAll()
    expect(lanes[0]!.read).toEqual(numbers(1))
    expect(lanes[0]!.counts.every(count => count <= 128)).toBe(true)
    expect(lanes[0]!.records).toBe(Math.ceil(1000 / 128))
    const small = begin({ logBytes: 4096 })
    small.intake.push(batchOf(1, 40, 'A'.repeat(60)), 'batch')
    small.workAll()
    expect(small.lanes[0]!.read).toEqual(numbers(1))
    expect(small.lanes[0]!.bytesMax).toBeLessThanOrEqual(4096 / 8 - 32)
    expect(small.lanes[0]!.bytesMax).toBeGreaterThan(300)
  })

  it('takes a batch with nothing in it, and an empty tick as malformed', () => {
    const { count, intake, lanes, workAll } = begin()
    intake.push(new Uint8Array(0), 'batch')
    intake.push(new Uint8Array(0), 'tick')
    workAll()
    expect(lanes[0]!.read).toEqual([-1])
    expect(count('messagesEmpty')).toBe(1)
  })

  it('takes what is whole of a broken batch, and tells that something is lost', () => {
    const { count, intake, lanes, workAll } = begin()
    const batch = batchOf(1, 10)
    intake.push(batch.subarray(0, batch.length - 1), 'batch')
    intake.push(Uint8Array.from([0x0b]), 'batch')
    intake.push(batchOf(11, 1), 'batch')
    workAll()
    expect(lanes[1]!.read).toEqual([...numbers(1, 9), 'malformed null', 'malformed null', 11])
    expect(intake.numbering.offset).toBe(9 + 2 + 1)
    expect(count('malformedMessages')).toBe(2)
    expect(count('messagesEmpty')).toBe(0)
  })

  it('puts an empty tick in the place of one that is too large', () => {
    const { intake, lanes, workAll } = begin()
    const huge = encodeTick({ symbol: 'A'.repeat(1020), kind: 1, sequence: 9 })
    const field = [0x0a, (huge.length & 127) | 128, huge.length >>> 7, ...huge]
    intake.push(huge, 'tick')
    intake.push(Uint8Array.from([...batchOf(1, 2), ...field, ...field, ...batchOf(3, 2), ...field]), 'batch')
    workAll()
    intake.push(new Uint8Array(10_000), 'tick')
    workAll()
    expect(lanes[0]!.read).toEqual([-1, 1, 2, -1, -1, 3, 4, -1, -1])
  })

  it('leaves out large fields that it does not know', () => {
    const { intake, lanes, workAll } = begin({ logBytes: 65_536 })
    const unknown = [0x12, 0x80, 0xf0, 0x01, ...new Uint8Array(0x7800)]
    const bytes = [
      ...unknown,
      ...batchOf(1, 2),
      ...unknown,
      ...batchOf(3, 1),
      ...unknown,
      ...unknown,
      ...batchOf(4, 200),
    ]
    intake.push(Uint8Array.from([...bytes, ...unknown]), 'batch')
    workAll()
    expect(lanes[0]!.read).toEqual(numbers(1))
  })

  it('never throws, whatever the bytes', () => {
    const { intake, workAll } = begin()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isBatch) => {
        intake.push(bytes, isBatch ? 'batch' : 'tick')
        workAll()
      }),
      { numRuns: 500 },
    )
    expect(intake.isCaughtUp).toBe(true)
  })

  it('lets go of the bytes of a message when it has taken it', () => {
    const { intake, lanes, workAll } = begin({ logBytes: 2048 })
    for (let first = 1; first < 100; first += 4) {
      const message = batchOf(first, 4)
      intake.push(message, 'batch')
      message.fill(0xff)
    }
    workAll()
    expect(lanes[0]!.read).toEqual(numbers(1))
  })
})

describe('the flow into the log', () => {
  it('pauses the source while the slowest lane is behind, and resumes it when that has halved', () => {
    const { count, intake, isRungFor, lanes, handles, source } = begin({ queueSize: 10 })
    intake.push(batchOf(1, 10), 'batch')
    expect(source.calls).toEqual([])
    expect(isRungFor()).toEqual([false, false])
    lanes[0]!.work()
    intake.push(batchOf(11, 1), 'batch')
    expect(handles.map(handle => intake.lag(handle))).toEqual([1, 11])
    expect(source.calls).toEqual(['pause'])
    expect(intake.isPaused).toBe(true)
    // From now on a lane that gets further rings.
    expect(isRungFor()).toEqual([true, true])
    intake.push(batchOf(12, 10), 'batch')
    lanes[1]!.work(1)
    intake.lanesMoved()
    expect(source.calls).toEqual(['pause'])
    lanes[1]!.work()
    intake.lanesMoved()
    expect(source.calls).toEqual(['pause'])
    lanes[0]!.work()
    intake.lanesMoved()
    expect(source.calls).toEqual(['pause', 'resume'])
    expect(isRungFor()).toEqual([false, false])
    expect(count('sourcePauses')).toBe(1)
    for (const { read } of lanes) expect(read).toEqual(numbers(1))
  })

  it('keeps the time at which each tick came, however long the tick waits for room in the log', () => {
    const clock = new FakeClock()
    const { intake, lanes, workAll } = begin({ logBytes: 4096, clock })
    const cameUs: number[] = []
    for (let sequence = 1; sequence <= 200; sequence++) {
      intake.push(encodeTick({ symbol: 'A', kind: 1, sequence }), 'tick')
      cameUs.push(clock.epochUs())
      clock.advance(1)
    }
    // The log is full: the last ticks wait in the backlog.
    expect(intake.numbering.offset).toBeLessThan(200)
    clock.advance(60_000)
    workAll()
    for (const { receivedUs } of lanes) expect(receivedUs).toEqual(cameUs)
  })

  it('resumes the source not before half the queue is free', () => {
    const { intake, lanes, source } = begin({ queueSize: 10 })
    for (let sequence = 1; sequence <= 11; sequence++)
      intake.push(encodeTick({ symbol: 'A', kind: 1, sequence }), 'tick')
    expect(source.calls).toEqual(['pause'])
    for (let lag = 10; lag >= 5; lag--) {
      expect(source.calls).toEqual(['pause'])
      for (const lane of lanes) lane.work(1)
      intake.lanesMoved()
    }
    expect(source.calls).toEqual(['pause', 'resume'])
  })

  it('sees a lane that got further while the source was being paused', () => {
    const { intake, lanes, source } = begin({ queueSize: 10 })
    const { pause } = source
    source.pause = () => {
      pause.call(source)
      for (const lane of lanes) lane.work()
    }
    intake.push(batchOf(1, 11), 'batch')
    expect(source.calls).toEqual(['pause', 'resume'])
  })

  it('keeps ticks and events in order when the log is full', () => {
    const { intake, lanes, source, workAll } = begin({ logBytes: 1024 })
    for (let first = 1; first <= 21; first += 2) {
      intake.push(batchOf(first, 2), 'batch')
      intake.lose({ reason: 'upstream', missed: 7 })
    }
    expect(source.isPaused).toBe(true)
    expect(intake.numbering.offset).toBeLessThan(33)
    workAll()
    expect(source.isPaused).toBe(false)
    expect(intake.numbering.offset).toBe(33)
    const expected = numbers(1, 22).flatMap(number => (number % 2 === 0 ? [number, 'upstream 7'] : [number]))
    for (const { read } of lanes) expect(read).toEqual(expected)
  })

  it('loses nothing and changes no order, whoever is slow', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 40 }), symbol: fc.constantFrom('A', 'B'.repeat(60)) }),
      fc.record({ loss: fc.constant(true) }),
      fc.record({ lane: fc.nat(LANE_COUNT - 1), records: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ one: fc.constant(true) }),
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(1024, 4096),
        fc.constantFrom(20, 1_000_000),
        (steps, logBytes, queueSize) => {
          const { intake, lanes, source, workAll } = begin({ logBytes, queueSize })
          const expected: unknown[] = []
          let next = 1
          for (const step of steps) {
            if ('lane' in step) {
              lanes[step.lane]!.work(step.records)
              intake.lanesMoved()
            } else if ('loss' in step) {
              intake.lose({ reason: 'upstream', missed: 1 })
              expected.push('upstream 1')
            } else if (!source.isPaused) {
              // Never more than may wait.
              const count = 'push' in step ? Math.min(step.push, logBytes === 1024 ? 8 : 40) : 1
              if ('push' in step) intake.push(batchOf(next, count, step.symbol), 'batch')
              else intake.push(encodeTick({ symbol: 'A', kind: 1, sequence: next }), 'tick')
              expected.push(...numbers(next, next + count - 1))
              next += count
            }
          }
          workAll()
          for (const { read } of lanes) expect(summed(read)).toEqual(summed(expected))
          expect(source.isPaused).toBe(false)
        },
      ),
      { numRuns: 120 },
    )
  })

  it('tells exactly how many ticks it could not keep of a source that goes on', () => {
    const { intake, lanes, source, workAll } = begin({ logBytes: 1024 })
    for (let first = 1; first <= 401; first += 4) intake.push(batchOf(first, 4), 'batch')
    expect(source.calls).toEqual(['pause'])
    workAll()
    intake.push(batchOf(1000, 1), 'batch')
    workAll()
    for (const { read } of lanes) {
      const kept = read.filter(entry => typeof entry === 'number')
      const tail = read.slice(-2)
      const lost = 404 - (kept.length - 1)
      expect(kept.slice(0, -1)).toEqual(numbers(1, kept.length - 1))
      expect(lost).toBeGreaterThan(100)
      expect(tail).toEqual([`overload ${lost}`, 1000])
    }
    // Each lost tick has an offset.
    expect(intake.numbering.offset).toBe(405)
  })
})

describe('losses that are told', () => {
  const gap = (reason: 'upstream' | 'overload', missed: number | null) => ({ reason, missed })

  it('have their place between the ticks, and take one offset', () => {
    const { intake, lanes, workAll } = begin()
    intake.push(batchOf(1, 2), 'batch')
    intake.lose(gap('upstream', 2 ** 40))
    intake.lose(gap('upstream', null))
    intake.push(batchOf(3, 1), 'batch')
    workAll()
    for (const { read } of lanes) expect(read).toEqual([1, 2, `upstream ${2 ** 40}`, 'upstream null', 3])
    expect(intake.numbering.offset).toBe(5)
  })

  it('wait while the log is full, and side by side are told as one for each reason', () => {
    const { intake, lanes, workAll } = begin({ logBytes: 1024 })
    let taken = 0
    while (intake.tryPush(encodeTick({ symbol: 'A', kind: 1, sequence: taken + 1 }))) taken++
    while (!intake.isPaused) intake.push(batchOf(++taken, 1), 'batch')
    for (let loss = 0; loss < 1000; loss++) {
      intake.lose(gap('upstream', 3))
      intake.lose(gap('overload', loss === 500 ? null : 1))
    }
    expect(intake.tryPush(encodeTick({ symbol: 'A', kind: 1, sequence: 0 }))).toBe(false)
    intake.push(batchOf(taken + 1, 1), 'batch')
    intake.lose(gap('upstream', 2 ** 40))
    intake.lose(gap('upstream', 2 ** 40))
    workAll()
    const tail = ['upstream 3000', 'overload null', taken + 1, 'upstream null']
    for (const { read } of lanes) {
      expect(read.slice(0, taken)).toEqual(numbers(1, taken))
      expect(read.slice(taken)).toEqual(tail)
    }
    // Losses that wait are one, and each has taken an offset.
    expect(intake.numbering.offset).toBe(taken + 2000 + 1 + 2)
  })
})

describe('catching up', () => {
  it('is over when every lane has done all there is, also what waited', async () => {
    const { intake, isRungFor, lanes, workAll } = begin({ logBytes: 1024 })
    await intake.caughtUp()
    for (let first = 1; first <= 40; first += 2) intake.push(batchOf(first, 2), 'batch')
    let isOver = false
    const over = intake.caughtUp().then(() => {
      isOver = true
    })
    lanes[0]!.work()
    intake.lanesMoved()
    await Promise.resolve()
    expect(isOver).toBe(false)
    expect(isRungFor()).toEqual([true, true])
    workAll()
    await over
    expect(lanes[1]!.offset).toBe(40)
    expect(isRungFor()).toEqual([false, false])
  })
})

describe('the state of the source', () => {
  const texts = (read: readonly unknown[]) =>
    read.map(each => {
      if (typeof each === 'number') return each
      const event = each as StreamEvent
      return event.op === 'status' ? `${event.status.feed} ${event.status.number}` : event.op
    })

  it('is told to every lane in its place, when it changes, and takes no offset', () => {
    const { intake, lanes, workAll } = begin()
    intake.tellState('down', 'not there yet')
    intake.tellState('down', 'not there yet')
    intake.push(batchOf(1, 2), 'batch')
    intake.tellState('live', undefined)
    intake.tellState('live', undefined)
    workAll()
    for (const { read } of lanes) expect(texts(read)).toEqual(['down 1', 1, 2, 'live 2'])
    expect(intake.numbering.offset).toBe(2)
  })

  it('waits for room in the log in its place, and of several in a row only the last one', () => {
    const { intake, lanes, workAll } = begin()
    let sequence = 0
    while (!intake.isPaused) intake.push(batchOf(++sequence, 1), 'batch')
    intake.tellState('down', undefined)
    intake.tellState('live', undefined)
    intake.tellState('down', undefined)
    intake.push(batchOf(++sequence, 1), 'batch')
    for (let round = 0; round < 3; round++) {
      workAll()
      intake.lanesMoved()
    }
    expect(texts(lanes[0]!.read).slice(-2)).toEqual(['down 3', sequence])
    expect(texts(lanes[0]!.read).filter(each => typeof each === 'string')).toEqual(['down 3'])
  })

  it('at the place of a lane is known, however far the others are', () => {
    const { handles, intake, lanes } = begin()
    const numbers = () => handles.map(handle => intake.stateAt(handle).status.number)
    for (const state of ['down', 'live', 'down', 'live'] as const) intake.tellState(state, undefined)
    expect(numbers()).toEqual([0, 0])
    lanes[0]!.work(2)
    lanes[1]!.work(3)
    expect(numbers()).toEqual([2, 3])
    intake.tellState('down', undefined)
    lanes[1]!.work()
    expect(numbers()).toEqual([2, 5])
  })
})

describe('what a source says of itself', () => {
  const SECOND_US = 1_000_000

  function beginTold() {
    const clock = new FakeClock()
    const { intake, lanes, workAll } = begin({ clock })
    const told = () => {
      workAll()
      return lanes[0]!.read.map(each => {
        if (typeof each === 'number') return each
        const event = each as StreamEvent
        return event.op === 'status' ? event.status.feed : event.op
      })
    }
    return { clock, intake, lanes, told }
  }

  it('is told as live behind the next message, or a second later', () => {
    const { clock, intake, told } = beginTold()
    intake.setSourceState('down')
    intake.setSourceState('live')
    intake.setSourceState('live')
    intake.push(batchOf(1, 2), 'batch')
    intake.push(batchOf(3, 1), 'batch')
    expect(told()).toEqual(['down', 1, 2, 'live', 3])
    intake.setSourceState('down')
    clock.advance(DOWN_AFTER_MS)
    intake.setSourceState('live')
    clock.advance(LIVE_AFTER_MS - 1)
    expect(told().slice(5)).toEqual(['down'])
    clock.advance(1)
    expect(told().slice(5)).toEqual(['down', 'live'])
  })

  it('is told as down a moment later, with the time of the loss, unless messages come again', () => {
    const { clock, intake, lanes, told } = beginTold()
    intake.setSourceState('live')
    intake.push(batchOf(1, 1), 'batch')
    intake.setSourceState('down')
    clock.advance(DOWN_AFTER_MS - 1)
    intake.setSourceState('live')
    intake.push(batchOf(2, 1), 'batch')
    clock.advance(LIVE_AFTER_MS)
    expect(told()).toEqual([1, 'live', 2])
    const lostUs = clock.epochUs()
    intake.setSourceState('down')
    // The feed takes connections and refuses each call.
    for (let call = 0; call < 3; call++) {
      clock.advance(100)
      intake.setSourceState('live')
      intake.setSourceState('down')
    }
    expect(told()).toEqual([1, 'live', 2, 'down'])
    expect(lanes[0]!.read.at(-1)).toMatchObject({ status: { sinceUs: lostUs } })
    expect(clock.epochUs() - lostUs).toBeLessThan(SECOND_US)
  })

  it('began at a time of the system clock, which may be stepped', () => {
    const { clock, intake, lanes, told } = beginTold()
    clock.stepUs = 3_600 * SECOND_US
    intake.setSourceState('down')
    intake.tellState('live', undefined)
    told()
    for (const event of lanes[0]!.read)
      expect(event).toMatchObject({ status: { sinceUs: clock.epochUs() + 3_600 * SECOND_US } })
    intake.setSourceState('down')
    clock.advance(DOWN_AFTER_MS)
    told()
    expect(lanes[0]!.read.at(-1)).toMatchObject({
      status: { sinceUs: clock.epochUs() + 3_600 * SECOND_US - DOWN_AFTER_MS * 1_000 },
    })
  })

  it('is forgotten at the end, as far as it was not told', () => {
    const { clock, intake } = beginTold()
    intake.setSourceState('live')
    intake.push(batchOf(1, 1), 'batch')
    intake.setSourceState('down')
    intake.setSourceState('live')
    intake.stop()
    expect(clock.timerCount).toBe(0)
  })
})

describe('whoever pushes ticks', () => {
  const tick = (sequence: number): Buffer => encodeTick({ symbol: 'A', kind: 1, sequence })

  it('is refused while the queue is full, and nothing is taken then', () => {
    const { count, intake, lanes, source, workAll } = begin({ queueSize: 3 })
    expect([1, 2, 3, 4, 5].map(sequence => intake.tryPush(tick(sequence)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
    workAll()
    expect(intake.tryPush(tick(6))).toBe(true)
    workAll()
    expect(lanes[0]!.read).toEqual([1, 2, 3, 6])
    expect(count('ticksRefused')).toBe(2)
    expect(source.calls).toEqual([])
  })

  it('is refused while the log is full, or something waits for room in it', () => {
    const { intake, lanes, workAll } = begin({ logBytes: 1024 })
    let taken = 0
    while (intake.tryPush(tick(taken + 1))) taken++
    expect(taken).toBeGreaterThan(10)
    expect(intake.isPaused).toBe(false)
    let waiting = 0
    while (!intake.isPaused) intake.push(tick(taken + ++waiting), 'tick')
    // There is room again, but others were first.
    for (const lane of lanes) lane.work()
    expect(intake.tryPush(tick(0))).toBe(false)
    workAll()
    expect(lanes[0]!.read.length).toBe(taken + waiting)
    expect(intake.tryPush(tick(taken + waiting + 1))).toBe(true)
  })
})
