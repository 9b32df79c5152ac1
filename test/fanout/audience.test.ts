import { describe, expect, it } from 'vitest'
import { Audience } from '../../src/fanout/audience.js'
import { AudienceEntries } from '../../src/fanout/audience-entries.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { NO_RECORD, RetainedFrames } from '../../src/fanout/retained-frames.js'
import { type AudienceSpec, entriesOf } from '../../src/lane-protocol/audience-spec.js'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { FakeSocket } from '../support/fake-socket.js'
import { spec } from '../support/specs.js'

const SPEC = spec({ symbols: ['A'] })

function audienceOf(spec: AudienceSpec, id = 1, lane = 0): Audience {
  return new Audience(id, lane, AudienceEntries.of(entriesOf(spec)), spec)
}

function recipient(id: number): Recipient {
  return new Recipient(id, `test-${id}`, new FakeSocket().duplex)
}

function retainedFrames(): RetainedFrames {
  const layout = laneLayout(8192, 512, 64)
  const ring = new FrameRingReader(new SharedArrayBuffer(layout.totalBytes), layout)
  return new RetainedFrames(ring, { segmentFreed: () => {}, segmentNeeded: () => {} })
}

/** The descriptor of a record with these totals of its audience. */
function described(ticksTotal: number, serial: number): AudienceDescriptor {
  const place = { lastSerial: serial, lastOffset: serial }
  return Object.assign(new AudienceDescriptor(), { length: 10, ticksTotal, ...place })
}

describe('Audience', () => {
  it('keeps its members in the order in which they joined', () => {
    const audience = audienceOf(SPEC)
    const members = [recipient(1), recipient(2), recipient(3)]
    for (const member of members) member.cursor.join(audience)
    expect(audience.members).toEqual(members)
    expect(members.every(({ cursor }) => cursor.isMemberOf(audience))).toBe(true)
  })

  it('keeps the place of a member that leaves until the pass has ended', () => {
    const audience = audienceOf(SPEC)
    const [first, second, third] = [recipient(1), recipient(2), recipient(3)]
    for (const member of [first, second, third]) member.cursor.join(audience)
    second!.cursor.leave()
    expect(audience.members).toEqual([first, second, third])
    expect(second!.cursor.isMemberOf(audience)).toBe(false)
    audience.dropFormer()
    expect(audience.members).toEqual([first, third])
  })

  it('lists a member that leaves and comes back once, at the end', () => {
    const audience = audienceOf(SPEC)
    const [first, second] = [recipient(1), recipient(2)]
    first!.cursor.join(audience)
    second!.cursor.join(audience)
    first!.cursor.leave()
    first!.cursor.join(audience)
    expect(audience.members).toEqual([second, first])
    audience.dropFormer()
    expect(audience.members).toEqual([second, first])
  })

  it('lists a member that leaves and comes back during a pass once', () => {
    const audience = audienceOf(SPEC)
    const [first, second, third] = [recipient(1), recipient(2), recipient(3)]
    for (const member of [first, second]) member.cursor.join(audience)
    audience.isInPass = true
    for (let round = 0; round < 3; round++) {
      first!.cursor.leave()
      first!.cursor.join(audience)
    }
    second!.cursor.leave()
    third!.cursor.join(audience)
    expect(audience.members).toEqual([first, second, third])
    audience.isInPass = false
    audience.dropFormer()
    expect(audience.members).toEqual([first, third])
  })

  it('describes its state for a successor of its lane', () => {
    const audience = audienceOf(SPEC, 7, 1)
    audience.seq = 5
    audience.progress = {
      ticksTotal: 9,
      lostTotal: 2,
      unknownLosses: 1,
      statusNumber: 0,
      serial: 30,
      offset: 30,
      epoch: 0,
      flushedSerial: 0,
    }
    expect(audience.state).toEqual({
      audience: 7,
      spec: SPEC,
      seq: 5,
      ticksTotal: 9,
      lostTotal: 2,
      unknownLosses: 1,
      statusNumber: 0,
      serial: 30,
      offset: 30,
      epoch: 0,
      conflated: [],
    })
  })

  it('is as far with the latest ticks as its slowest conflation group; a group that nobody has joined is at 0', () => {
    const latest = [0, 5, 250].map(intervalMs => ({ intervalMs, symbols: [`S${intervalMs}`] }))
    const audience = audienceOf(spec({ symbols: [], latest }))
    const told: unknown[] = []
    for (const [group, offset] of [
      [0, 7],
      [2, 9],
      [1, 8],
      [0, 12],
    ] as const) {
      const { progress } = audience
      audience.groupSent(group, offset, offset * 2)
      told.push(audience.progress.flushedSerial)
      // A client that fell behind before keeps the progress of that time.
      expect(progress.flushedSerial).toBe(told.at(-2) ?? 0)
    }
    expect(told).toEqual([0, 0, 7, 8])
    const { conflated } = audience.state
    expect(conflated).toEqual([
      { flushedSerial: 12, ticksTotal: 24 },
      { flushedSerial: 8, ticksTotal: 16 },
      { flushedSerial: 9, ticksTotal: 18 },
    ])
    audience.groupSent(2, 20, 40)
    expect(conflated[2]).toEqual({ flushedSerial: 9, ticksTotal: 18 })
    audience.joinedAt({ serial: 30, offset: 30, epoch: 0, statusNumber: 2 }, retainedFrames())
    expect(audience.progress).toMatchObject({
      serial: 30,
      offset: 30,
      epoch: 0,
      statusNumber: 2,
      flushedSerial: 8,
    })
  })

  it('tells the offset at which a client joins only when the records before it are sent', () => {
    const audience = audienceOf(SPEC)
    const retained = retainedFrames()
    const [first, second] = [5, 9].map((offset, index) => {
      const record = retained.add(described(index + 1, offset), audience.lastRecord, audience.bytesTotal)
      audience.recordRead(record, 10)
      return record
    })
    audience.joinedAt({ serial: 30, offset: 30, epoch: 0, statusNumber: 2 }, retained)
    expect(audience.progress).toMatchObject({ ticksTotal: 0, serial: 0, offset: 0, epoch: 0 })
    audience.recordSent(retained, first!)
    expect(audience.firstPending).toBe(second)
    expect(audience.progress).toMatchObject({ ticksTotal: 1, serial: 5, offset: 5, epoch: 0 })
    audience.recordSent(retained, second!)
    expect(audience.firstPending).toBe(NO_RECORD)
    expect(audience.progress).toMatchObject({ ticksTotal: 2, serial: 30, offset: 30, epoch: 0 })
  })

  it('keeps account of any number of conflation groups', () => {
    const latest = Array.from({ length: 200_000 }, (_, intervalMs) => ({ intervalMs, symbols: [] }))
    const audience = audienceOf(spec({ symbols: [], latest }))
    audience.groupSent(199_999, 1, 1)
    expect(audience.progress.flushedSerial).toBe(0)
  })
})
