import { beforeEach, describe, expect, it } from 'vitest'
import type { LaneStream } from '../../src/fanout/lane-stream.js'
import { Membership } from '../../src/fanout/membership.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { NO_RECORD } from '../../src/fanout/retained-frames.js'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import type { LaneCommand, Progress } from '../../src/lane-protocol/lane-commands.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { chooseLane } from '../../src/lanes/lane-placement.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { Histogram } from '../../src/metrics/histogram.js'
import { MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import { FakeClock } from '../support/fake-clock.js'
import { FakeSocket } from '../support/fake-socket.js'
import { LATEST_BYTES } from '../support/fan-out.js'
import { NO_PAST } from '../support/no-past.js'
import { changeTo, spec } from '../support/specs.js'

const AT_START = {
  ticksTotal: 0,
  lostTotal: 0,
  unknownLosses: 0,
  statusNumber: 0,
  serial: 0,
  offset: 0,
  epoch: 0,
  flushedSerial: 0,
}
const A = spec({ symbols: ['A'], batch: true })

let streams: LaneStream[]
let sent: { lane: number; command: LaneCommand }[]
let membership: Membership
let clock: FakeClock
let replyLatency: Histogram

beforeEach(() => {
  const layout = laneLayout(8192, 512, 64)
  streams = [0, 1].map(index => new LaneHandle(index, layout, LATEST_BYTES, () => {}).stream)
  sent = []
  clock = new FakeClock()
  replyLatency = new Histogram()
  membership = new Membership({
    streams,
    place: (lanes, hasAudience) => chooseLane(lanes, hasAudience, () => false),
    send: (lane, command) => sent.push({ lane, command }),
    clock,
    counters: new CounterWriter(new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT)))),
    replyLatency,
    past: NO_PAST,
    goodbyeGiven: () => {},
    overrun: () => {},
  })
})

function recipient(id: number): Recipient {
  return new Recipient(id, `test-${id}`, new FakeSocket().duplex)
}

const REPLY = { type: 'subscribed', symbols: ['A'], delivery: 'every', snapshot: false } as const

function join(recipient: Recipient, spec: AudienceSpec): void {
  membership.join(recipient, spec, REPLY, 100)
}

function fallBehind({ cursor }: Recipient, progress: Progress = AT_START): void {
  cursor.fallBehind(7, progress)
}

function catchUp({ cursor }: Recipient): void {
  cursor.advanceTo(7, NO_RECORD, AT_START)
}

/** Its next record leaves the ring. */
function overrun(recipient: Recipient, progress: Progress): void {
  fallBehind(recipient, progress)
  recipient.cursor.overrun()
  membership.recover(recipient)
}

const joinCommand = (client: number, audience: number, request = 1, leaving = 0) => ({
  op: 'join',
  audience,
  leaving,
  client,
  name: `test-${client}`,
  request,
  fellBehindAt: null,
  replay: null,
  replies: [REPLY],
})

describe('Membership', () => {
  it('opens an audience for the first client, and lets clients with the same spec join it', () => {
    join(recipient(1), A)
    join(recipient(2), spec({ symbols: ['A'], batch: true }))
    expect(sent).toEqual([
      { lane: 0, command: { op: 'open', audience: 1, client: 1, spec: A } },
      { lane: 0, command: joinCommand(1, 1) },
      { lane: 0, command: joinCommand(2, 1) },
    ])
    expect(membership.audienceCount).toBe(1)
    expect(streams[0]!.audiences.get(1)!.clientCount).toBe(2)
  })

  it.each([
    spec({ symbols: ['B'], batch: true }),
    spec({ symbols: ['A', 'B'], batch: true }),
    spec({ symbols: ['A'], batch: false }),
    spec({ symbols: null, batch: true }),
  ])('opens another audience, on another lane, for a client with another spec: %j', spec => {
    join(recipient(1), A)
    const other = recipient(2)
    join(other, spec)
    expect(membership.audienceCount).toBe(2)
    expect(sent.at(-1)).toEqual({ lane: 1, command: joinCommand(2, 2) })
    expect(other.transfer.inFlight?.audience.spec).toEqual(spec)
  })

  it('closes an audience with its last client', () => {
    const [first, second] = [recipient(1), recipient(2)]
    join(first, A)
    join(second, A)
    membership.leave(first)
    expect(membership.audienceCount).toBe(1)
    membership.leave(second)
    expect(membership.audienceCount).toBe(0)
    expect(streams[0]!.audiences.size).toBe(0)
    expect(sent.at(-1)).toEqual({ lane: 0, command: { op: 'close', audience: 1 } })
  })

  it('does nothing when a client leaves twice', () => {
    const [first, second] = [recipient(1), recipient(2)]
    join(first, A)
    join(second, A)
    membership.leave(first)
    membership.leave(first)
    expect(membership.audienceCount).toBe(1)
  })

  it('gives an audience that opens again a new id', () => {
    const [first, second] = [recipient(1), recipient(2)]
    join(first, A)
    membership.leave(first)
    join(second, A)
    expect(sent.at(-1)).toEqual({ lane: 0, command: joinCommand(2, 2) })
  })

  /** Lets the client have the lane's reply. @returns the audience that it has joined */
  const replied = (recipient: Recipient) => {
    membership.partGiven(recipient, { type: 'live', progress: AT_START }, true)
    return recipient.cursor.audience
  }

  it('asks again, from where a client fell behind, for one that was overrun', () => {
    const slow = recipient(1)
    const progress = {
      ticksTotal: 4,
      lostTotal: 0,
      unknownLosses: 0,
      statusNumber: 0,
      serial: 12,
      offset: 12,
      epoch: 0,
      flushedSerial: 0,
    }
    join(slow, A)
    replied(slow)
    overrun(slow, progress)
    expect(sent.at(-1)).toEqual({
      lane: 0,
      command: { ...joinCommand(1, 1, 2, 1), fellBehindAt: progress, replies: [] },
    })
    replied(slow)
    expect(streams[0]!.audiences.get(1)!.clientCount).toBe(1)
  })

  it('asks nothing for a client that has left', () => {
    const slow = recipient(1)
    join(slow, A)
    replied(slow)
    membership.leave(slow)
    const before = sent.length
    membership.recover(slow)
    membership.sendNext(slow)
    expect(sent).toHaveLength(before)
  })

  describe('a client that changes its audience', () => {
    const B = spec({ symbols: ['B'], batch: true })
    const C = spec({ symbols: ['C'], batch: true })
    const TO_B = { type: 'subscribed', id: 1, symbols: ['B'], delivery: 'every', snapshot: false } as const
    const TO_C = { type: 'subscribed', id: 2, symbols: ['C'], delivery: 'every', snapshot: false } as const
    let mover: Recipient

    beforeEach(() => {
      mover = recipient(1)
      join(mover, A)
      replied(mover)
      sent.length = 0
    })

    it('stays in the old audience until the lane has replied, on the same lane', () => {
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      expect(sent).toEqual([
        {
          lane: 0,
          command: { op: 'derive', audience: 2, client: 1, base: 1, added: [['B', null]], removed: ['A'] },
        },
        { lane: 0, command: { ...joinCommand(1, 2, 2, 1), replies: [TO_B] } },
      ])
      expect(mover.cursor.audience?.spec).toEqual(A)
      expect(replied(mover)?.spec).toEqual(B)
      expect(mover.cursor.audience?.spec).toEqual(B)
      expect(sent.at(-1)).toEqual({ lane: 0, command: { op: 'close', audience: 1 } })
      expect(membership.audienceCount).toBe(1)
    })

    it('is counted with the time since the first of its commands', () => {
      const before = replyLatency.view()
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      clock.advance(2)
      membership.move(mover, changeTo(mover, C), TO_C, 100)
      replied(mover)
      clock.advance(3)
      replied(mover)
      const { count, sumUs } = replyLatency.view()
      expect([count - before.count, sumUs - before.sumUs]).toEqual([2, 5000])
    })

    it('has all changes that it asks for meanwhile done together, after the first', () => {
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      membership.move(mover, changeTo(mover, C), TO_C, 100)
      membership.move(mover, changeTo(mover, A), TO_B, 100)
      expect(membership.waitingBytes(mover)).toBe(300)
      expect(sent.filter(({ command }) => command.op === 'join')).toHaveLength(1)
      replied(mover)
      expect(sent.at(-1)).toEqual({ lane: 0, command: { ...joinCommand(1, 1, 3, 2), replies: [TO_C, TO_B] } })
      replied(mover)
      expect(mover.cursor.audience?.spec).toEqual(A)
      expect(membership.audienceCount).toBe(1)
      expect(mover.cursor.audience?.clientCount).toBe(1)
      expect(membership.waitingBytes(mover)).toBe(0)
    })

    it('waits with the change while it is behind', () => {
      fallBehind(mover)
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      expect(sent.filter(({ command }) => command.op === 'join')).toEqual([])
      catchUp(mover)
      membership.sendNext(mover)
      expect(sent.at(-1)).toEqual({ lane: 0, command: { ...joinCommand(1, 2, 2, 1), replies: [TO_B] } })
    })

    it('waits with the change while its socket has not taken all', () => {
      mover.blockedSinceMs = 1
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      membership.move(mover, changeTo(mover, C), TO_C, 100)
      expect(sent.filter(({ command }) => command.op === 'join')).toEqual([])
      mover.blockedSinceMs = 0
      membership.sendNext(mover)
      expect(sent.at(-1)).toMatchObject({ command: { op: 'join', replies: [TO_B, TO_C] } })
    })

    it('asks again for a reply that came while it was behind', () => {
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      fallBehind(mover)
      membership.takeBack(mover)
      membership.move(mover, changeTo(mover, C), TO_C, 100)
      catchUp(mover)
      membership.sendNext(mover)
      expect(sent.at(-1)).toMatchObject({ command: { op: 'join', replies: [TO_B, TO_C] } })
      replied(mover)
      expect(mover.cursor.audience?.spec).toEqual(C)
      expect(membership.audienceCount).toBe(1)
    })

    it('is told first what it missed in the old audience when it was overrun', () => {
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      const progress = {
        ticksTotal: 4,
        lostTotal: 0,
        unknownLosses: 0,
        statusNumber: 0,
        serial: 12,
        offset: 12,
        epoch: 0,
        flushedSerial: 0,
      }
      overrun(mover, progress)
      expect(sent.at(-1)).toMatchObject({
        command: { op: 'join', audience: 1, fellBehindAt: progress, replies: [] },
      })
      replied(mover)
      expect(sent.at(-1)).toMatchObject({
        command: { op: 'join', audience: 2, fellBehindAt: null, replies: [TO_B] },
      })
      replied(mover)
      expect(membership.audienceCount).toBe(1)
      expect(mover.cursor.audience?.clientCount).toBe(1)
    })

    it('leaves no audience behind when it leaves with requests in flight and queued', () => {
      membership.move(mover, changeTo(mover, B), TO_B, 100)
      membership.move(mover, changeTo(mover, C), TO_C, 100)
      membership.leave(mover)
      expect(membership.audienceCount).toBe(0)
      expect(streams[0]!.audiences.size).toBe(0)
    })
  })
})
