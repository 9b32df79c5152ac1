import { beforeEach, describe, expect, it } from 'vitest'
import { NO_RECORD, RetainedFrames } from '../../src/fanout/retained-frames.js'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { laneLayout } from '../../src/memory/lane-layout.js'

const SEGMENTS = 8
const SEGMENT_BYTES = 1024

let reader: FrameRingReader
let writer: FrameRingWriter
let retained: RetainedFrames
let freed: number
let needed: number[]
let onNeeded: (segment: number) => void

beforeEach(() => {
  const layout = laneLayout(SEGMENTS * SEGMENT_BYTES, SEGMENT_BYTES / 2, 64)
  const memory = new SharedArrayBuffer(layout.totalBytes)
  reader = new FrameRingReader(memory, layout)
  writer = new FrameRingWriter(memory, layout)
  freed = 0
  needed = []
  onNeeded = () => {}
  retained = new RetainedFrames(reader, {
    segmentFreed: () => freed++,
    segmentNeeded: segment => {
      needed.push(segment)
      onNeeded(segment)
    },
  })
})

/**
 * Sends a record of one audience through the ring, and retains it.
 *
 * @returns its number; undefined when the ring is full
 */
function record(before = NO_RECORD, length = SEGMENT_BYTES, keepFrom?: number): number | undefined {
  if (writer.reserve(length) === undefined) return undefined
  const descriptor = new AudienceDescriptor()
  Object.assign(descriptor, {
    length,
    ticksTotal: 7,
    ticks: 4,
    lastSerial: 9,
    lastOffset: 9,
    epoch: 0,
    messages: 3,
  })
  writer.describe(descriptor)
  writer.publish()
  expect(reader.next()).toBeDefined()
  reader.release()
  retained.useSegment(descriptor.segment, keepFrom)
  return retained.add(descriptor, before, 0)
}

describe('RetainedFrames', () => {
  it('tells the content of a record, and how far its audience is after it', () => {
    const first = record(NO_RECORD, 100)!
    const second = record(first, 50)!
    expect([retained.length(first), retained.length(second)]).toEqual([100, 50])
    expect(retained.start(second)).toBe(retained.start(first) + 100)
    expect(retained.segment(second)).toBe(retained.segment(first))
    expect([retained.messageCount(second), retained.tickCount(second)]).toEqual([3, 4])
    const before = {
      ticksTotal: 0,
      lostTotal: 0,
      unknownLosses: 0,
      statusNumber: 0,
      serial: 0,
      offset: 0,
      epoch: 0,
      flushedSerial: 5,
    }
    expect(retained.progress(second, before)).toEqual({
      ticksTotal: 7,
      lostTotal: 0,
      unknownLosses: 0,
      statusNumber: 0,
      serial: 9,
      offset: 9,
      epoch: 0,
      flushedSerial: 5,
    })
  })

  it('leads from each record of an audience to its next', () => {
    const first = record(NO_RECORD, 10)!
    const other = record(NO_RECORD, 10)!
    const second = record(first, 10)!
    expect(retained.next(first)).toBe(second)
    expect([retained.next(second), retained.next(other)]).toEqual([NO_RECORD, NO_RECORD])
  })

  it('drops the oldest segment once too few are free for the lane', () => {
    const records = Array.from({ length: SEGMENTS }, () => record()!)
    expect(records.map(number => retained.holds(number))).toEqual([
      ...Array.from({ length: 2 }, () => false),
      ...Array.from({ length: SEGMENTS - 2 }, () => true),
    ])
    expect(reader.freeSegments()).toBe(2)
    expect(freed).toBe(2)
  })

  it('drops no segment with a record on its way, and gives it back when the record is sent', () => {
    const first = record()!
    const second = record()!
    const keepFrom = second
    for (let number = 2; number < SEGMENTS; number++) record(NO_RECORD, SEGMENT_BYTES, keepFrom)
    expect([retained.holds(first), retained.holds(second)]).toEqual([false, true])
    expect(reader.freeSegments()).toBe(1)
    expect(record(NO_RECORD, SEGMENT_BYTES, keepFrom)).toBe(SEGMENTS)
    expect(record(NO_RECORD, SEGMENT_BYTES, keepFrom)).toBeUndefined()
    expect(retained.holds(second)).toBe(true)
    retained.makeRoom()
    expect(retained.holds(second)).toBe(false)
    expect(reader.freeSegments()).toBe(2)
  })

  it('never links a record to one that is not retained any more', () => {
    const first = record()!
    while (retained.holds(first)) record()
    const late = record(first)!
    expect(retained.next(late)).toBe(NO_RECORD)
    expect(retained.holds(late)).toBe(true)
  })

  it('keeps a pinned segment out of the round until it is unpinned as often as it was pinned', () => {
    const first = record()!
    const segment = retained.segment(first)
    retained.pins.pin(segment)
    retained.pins.pin(segment)
    const used = new Set<number>()
    for (let count = 0; count < 3 * SEGMENTS; count++) used.add(retained.segment(record()!))
    expect(used.has(segment)).toBe(false)
    retained.pins.unpin(segment)
    const before = { freed, free: reader.freeSegments() }
    retained.pins.unpin(segment)
    expect({ freed, free: reader.freeSegments() }).toEqual({ freed: before.freed + 1, free: before.free + 1 })
    for (let count = 0; count < 2 * SEGMENTS; count++) used.add(retained.segment(record()!))
    expect(used.has(segment)).toBe(true)
    expect(needed).toEqual([])
  })

  it('asks for the segment that was dropped first when pinned segments leave the lane too few', () => {
    const pinned: number[] = []
    onNeeded = segment => retained.pins.unpin(segment)
    while (needed.length === 0) {
      const number = record()!
      retained.pins.pin(retained.segment(number))
      pinned.push(retained.segment(number))
    }
    expect(needed).toEqual([pinned[0]])
    expect(reader.freeSegments()).toBeGreaterThanOrEqual(2)
  })

  it('asks for no segment because the lane has run ahead', () => {
    retained.pins.pin(retained.segment(record()!))
    const descriptor = new AudienceDescriptor()
    while (writer.reserve(SEGMENT_BYTES) !== undefined) {
      Object.assign(descriptor, { length: SEGMENT_BYTES, ticks: 1, messages: 1 })
      writer.describe(descriptor)
      writer.publish()
    }
    expect(reader.freeSegments()).toBe(0)
    let read = reader.next()
    while (read !== undefined) {
      retained.useSegment((read as AudienceDescriptor).segment)
      retained.add(read as AudienceDescriptor, NO_RECORD, 0)
      reader.release()
      read = reader.next()
    }
    expect(needed).toEqual([])
    expect(reader.freeSegments()).toBe(2)
  })

  it('throws when a segment that the lane needs stays pinned', () => {
    expect(() => {
      for (let count = 0; count < SEGMENTS; count++) retained.pins.pin(retained.segment(record()!))
    }).toThrow(/segment \d is still held by 1 writes/)
  })

  it('throws when a segment is unpinned too often', () => {
    const first = record()!
    expect(() => retained.pins.unpin(retained.segment(first))).toThrow(/is not pinned/)
  })

  it('gives a successor of the lane every segment without retained records and pins', () => {
    const first = record()!
    retained.pins.pin(retained.segment(first))
    while (retained.holds(first)) record()
    // The lane takes a segment, and ends before it publishes anything in it.
    writer.reserve(SEGMENT_BYTES)
    const inWindow = SEGMENTS - 2 - 1
    retained.laneEnded()
    expect(reader.freeSegments()).toBe(SEGMENTS - inWindow - 1)
    const free = new Set(Array.from({ length: reader.freeSegments() }, () => writer.reserve(SEGMENT_BYTES)))
    expect(free.size).toBeGreaterThan(0)
  })

  it('drops the oldest records when there are too many, even in one segment', () => {
    const layout = laneLayout(SEGMENTS * 128 * 1024, 1024, 64)
    const memory = new SharedArrayBuffer(layout.totalBytes)
    reader = new FrameRingReader(memory, layout)
    writer = new FrameRingWriter(memory, layout)
    retained = new RetainedFrames(reader, { segmentFreed: () => {}, segmentNeeded: () => {} })
    const count = 65_536 + 10
    expect(layout.segmentBytes * layout.segmentCount).toBeGreaterThan(count)
    let last = NO_RECORD
    for (let number = 0; number < count; number++) {
      // The records have no bytes: only their count matters here.
      const descriptor = Object.assign(new AudienceDescriptor(), { length: 0, segment: 0, start: number })
      if (number === 0) retained.useSegment(0)
      last = retained.add(descriptor, last, 0)
    }
    expect(retained.firstRecord).toBe(10)
    expect([retained.holds(9), retained.holds(10)]).toEqual([false, true])
    expect(retained.start(10)).toBe(10)
    expect(retained.start(last)).toBe(count - 1)
    expect(retained.next(10)).toBe(11)
    // Record 65,536 has taken the place of record 0.
    const before = retained.next(65_536)
    retained.add(Object.assign(new AudienceDescriptor(), { length: 0, segment: 0 }), 0, 0)
    expect(retained.next(65_536)).toBe(before)
  })

  it('retains no dropped record again when it drops the segment later', () => {
    const descriptor = Object.assign(new AudienceDescriptor(), { length: 0 })
    const full = Object.assign(new AudienceDescriptor(), { length: SEGMENT_BYTES })
    const take = () => {
      writer.reserve(SEGMENT_BYTES)
      writer.describe(full)
    }
    for (const segment of [0, 1]) {
      take()
      retained.useSegment(segment)
      for (let count = 0; count < 40_000; count++) retained.add(descriptor, NO_RECORD, 0)
    }
    take()
    retained.useSegment(2)
    for (let count = 0; count < 30_000; count++) retained.add(descriptor, NO_RECORD, 0)
    const first = 110_000 - 65_536
    expect(retained.firstRecord).toBe(first)
    // The next segment leaves too few free. The oldest goes back, whose records were dropped before.
    for (let segment = 3; freed === 0; segment++) {
      take()
      retained.useSegment(segment)
    }
    expect(retained.firstRecord).toBe(first)
  })
})
