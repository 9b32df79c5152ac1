import { describe, expect, it } from 'vitest'
import { Audience } from '../../src/fanout/audience.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { NO_RECORD, RetainedFrames } from '../../src/fanout/retained-frames.js'
import { FrameDescriptor } from '../../src/memory/frame-descriptor.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { FakeSocket } from '../support/fake-socket.js'
import { spec } from '../support/specs.js'

const SPEC = spec({ symbols: ['A'] })

function recipient(id: number): Recipient {
  return new Recipient(id, `test-${id}`, new FakeSocket().duplex)
}

function frameWindow(): RetainedFrames {
  const layout = laneLayout(8192, 512, 64)
  const ring = new FrameRingReader(new SharedArrayBuffer(layout.totalBytes), layout)
  return new RetainedFrames(ring, { segmentFreed: () => {}, segmentNeeded: () => {} })
}

/** A record with this account of its audience. */
function described(ticksTotal: number, lastOffset: number): FrameDescriptor {
  return Object.assign(new FrameDescriptor(), { length: 10, ticksTotal, lastOffset })
}

describe('Audience', () => {
  it('keeps those that were admitted, in their order', () => {
    const audience = new Audience(1, 0, 'key', SPEC)
    const members = [recipient(1), recipient(2), recipient(3)]
    for (const member of members) audience.admit(member)
    expect(audience.members).toEqual(members)
    expect(members.every(({ receiving }) => receiving === audience)).toBe(true)
  })

  it('leaves the places of a pass as they are when a member is released, and closes up afterwards', () => {
    const audience = new Audience(1, 0, 'key', SPEC)
    const [first, second, third] = [recipient(1), recipient(2), recipient(3)]
    for (const member of [first, second, third]) audience.admit(member)
    audience.release(second)
    expect(audience.members).toEqual([first, second, third])
    expect(second.receiving).toBeUndefined()
    audience.dropLeavers()
    expect(audience.members).toEqual([first, third])
  })

  it('has a member that comes back once, at the end', () => {
    const audience = new Audience(1, 0, 'key', SPEC)
    const [first, second] = [recipient(1), recipient(2)]
    audience.admit(first)
    audience.admit(second)
    audience.release(first)
    audience.admit(first)
    expect(audience.members).toEqual([second, first])
    audience.dropLeavers()
    expect(audience.members).toEqual([second, first])
  })

  it('has a member once that leaves and comes back in the midst of a pass', () => {
    const audience = new Audience(1, 0, 'key', SPEC)
    const [first, second, third] = [recipient(1), recipient(2), recipient(3)]
    for (const member of [first, second]) audience.admit(member)
    audience.isInPass = true
    for (let round = 0; round < 3; round++) {
      audience.release(first)
      audience.admit(first)
    }
    audience.release(second)
    audience.admit(third)
    expect(audience.members).toEqual([first, second, third])
    audience.isInPass = false
    audience.dropLeavers()
    expect(audience.members).toEqual([first, third])
  })

  it('tells what a successor of its lane has to know', () => {
    const audience = new Audience(7, 1, 'key', SPEC)
    audience.seq = 5
    audience.progress = { ticksTotal: 9, lostTotal: 2, unknownLosses: 1, lastOffset: 30, flushedOffset: 0 }
    expect(audience.state).toEqual({
      audience: 7,
      spec: SPEC,
      seq: 5,
      ticksTotal: 9,
      lostTotal: 2,
      unknownLosses: 1,
      lastOffset: 30,
      conflated: [],
    })
  })

  it('is as far with the latest ticks as the part that is the least far, those nobody has joined at 0', () => {
    const latest = [0, 5, 250].map(intervalMs => ({ intervalMs, symbols: [`S${intervalMs}`] }))
    const audience = new Audience(1, 0, 'key', spec({ symbols: [], latest }))
    const told: unknown[] = []
    for (const [part, offset] of [
      [1, 7],
      [3, 9],
      [2, 8],
      [1, 12],
    ] as const) {
      const { progress } = audience
      audience.partSent(part, offset, offset * 2)
      told.push(audience.progress.flushedOffset)
      // Who fell behind before keeps what was so then.
      expect(progress.flushedOffset).toBe(told.at(-2) ?? 0)
    }
    expect(told).toEqual([0, 0, 7, 8])
    const { conflated } = audience.state
    expect(conflated).toEqual([
      { flushedOffset: 12, ticksTotal: 24 },
      { flushedOffset: 8, ticksTotal: 16 },
      { flushedOffset: 9, ticksTotal: 18 },
    ])
    audience.partSent(3, 20, 40)
    expect(conflated[2]).toEqual({ flushedOffset: 9, ticksTotal: 18 })
    audience.joinedAt(30, frameWindow())
    expect(audience.progress).toMatchObject({ lastOffset: 30, flushedOffset: 8 })
  })

  it('is as far as it was until what was read before somebody joined is sent', () => {
    const audience = new Audience(1, 0, 'key', SPEC)
    const window = frameWindow()
    const [first, second] = [5, 9].map((offset, index) => {
      const record = window.add(described(index + 1, offset), audience.lastRecord, audience.bytesTotal)
      audience.recordRead(record, 10)
      return record
    })
    audience.joinedAt(30, window)
    expect(audience.progress).toMatchObject({ ticksTotal: 0, lastOffset: 0 })
    audience.recordSent(window, first!)
    expect(audience.firstPending).toBe(second)
    expect(audience.progress).toMatchObject({ ticksTotal: 1, lastOffset: 5 })
    audience.recordSent(window, second!)
    expect(audience.firstPending).toBe(NO_RECORD)
    expect(audience.progress).toMatchObject({ ticksTotal: 2, lastOffset: 30 })
  })

  it('keeps account of any number of parts', () => {
    const latest = Array.from({ length: 200_000 }, (_, intervalMs) => ({ intervalMs, symbols: [] }))
    const audience = new Audience(1, 0, 'key', spec({ symbols: [], latest }))
    audience.partSent(200_000, 1, 1)
    expect(audience.progress.flushedOffset).toBe(0)
  })
})
