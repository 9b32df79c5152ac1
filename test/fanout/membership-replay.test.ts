import { beforeEach, describe, expect, it } from 'vitest'
import type { LaneStream } from '../../src/fanout/lane-stream.js'
import { Membership } from '../../src/fanout/membership.js'
import { Recipient } from '../../src/fanout/recipient.js'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { type LaneCommand, RESUME_GONE } from '../../src/lane-protocol/lane-commands.js'
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
import { changeTo, spec, startAt } from '../support/specs.js'

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

/** Lets the client have the lane's reply. @returns the audience that it has joined */
const replied = (recipient: Recipient) => {
  membership.partGiven(recipient, { type: 'live', progress: AT_START }, true)
  return recipient.cursor.audience
}

describe('a client that resumes', () => {
  const BEFORE = startAt(7)
  const AFTER = {
    start: 7,
    serial: 90,
    offset: 90,
    epoch: 0,
    reached: 7,
    seq: 4,
    ticks: 40,
    statusNumber: 0,
  }

  const replayed = (client: Recipient) =>
    membership.partGiven(client, { type: 'more', position: AFTER }, true)

  function resuming(id: number): Recipient {
    const client = recipient(id)
    membership.join(client, A, REPLY, 100, BEFORE)
    return client
  }

  /** The clients of the joins that were sent, in their order. */
  const joins = () => sent.flatMap(({ command }) => (command.op === 'join' ? [command.client] : []))

  it('asks for part after part, each from where the one before ended, and gets its replies once', () => {
    const client = resuming(1)
    expect(sent.at(-1)).toEqual({ lane: 0, command: { ...joinCommand(1, 1), replay: BEFORE } })
    replayed(client)
    const again = { ...joinCommand(1, 1, 2), replay: { ...AFTER, earlier: 0 }, replies: [] }
    expect(sent.at(-1)).toEqual({ lane: 0, command: again })
    replied(client)
    expect([client.cursor.audience?.spec, client.transfer.replay]).toEqual([A, null])
    expect(streams[0]!.audiences.get(1)!.clientCount).toBe(1)
  })

  it('takes no reply to an earlier request while it has not asked for the next part', () => {
    const client = resuming(1)
    const { requestId } = client.transfer
    client.blockedSinceMs = 1
    replayed(client)
    expect(membership.clientOf(client.id, requestId)).toBeUndefined()
  })

  it('stops its own replay while it does not read, and no other', () => {
    const clients = [1, 2, 3].map(resuming)
    expect(joins()).toEqual([1, 2])
    clients[0]!.blockedSinceMs = 1
    replayed(clients[0]!)
    expect(joins()).toEqual([1, 2, 3])
    replayed(clients[1]!)
    expect(joins()).toEqual([1, 2, 3, 2])
    clients[0]!.blockedSinceMs = 0
    membership.sendNext(clients[0]!)
    expect(joins()).toEqual([1, 2, 3, 2])
    replayed(clients[2]!)
    expect(joins()).toEqual([1, 2, 3, 2, 1])
  })

  it('delays no client that does not resume, or whose ticks are gone', () => {
    for (const id of [1, 2, 3]) resuming(id)
    join(recipient(4), A)
    const late = recipient(5)
    membership.join(late, A, REPLY, 100, RESUME_GONE)
    expect(joins()).toEqual([1, 2, 4, 5])
    expect(sent.at(-1)).toMatchObject({ command: { client: 5, replay: RESUME_GONE } })
  })

  it('is never asked for when it leaves while it waits, and makes room when it leaves while it is served', () => {
    const clients = [1, 2, 3, 4].map(resuming)
    membership.leave(clients[2]!)
    expect(joins()).toEqual([1, 2])
    membership.leave(clients[0]!)
    expect(joins()).toEqual([1, 2, 4])
    membership.leave(clients[1]!)
    membership.leave(clients[3]!)
    expect(joins()).toEqual([1, 2, 4])
    expect(membership.audienceCount).toBe(0)
  })

  it('lets the next client begin when it has all', () => {
    const clients = [1, 2, 3].map(resuming)
    replied(clients[1]!)
    expect(joins()).toEqual([1, 2, 3])
  })

  it('has its change done when it has all', () => {
    const B = spec({ symbols: ['B'], batch: true })
    const client = resuming(1)
    membership.move(client, changeTo(client, B), REPLY, 100)
    replayed(client)
    expect(sent.at(-1)).toMatchObject({ command: { op: 'join', audience: 1, replay: AFTER } })
    replied(client)
    expect(sent.at(-1)).toMatchObject({ command: { op: 'join', audience: 2, leaving: 1, replay: null } })
  })
})

describe('a member that has added entries replayed', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const START = startAt(7)
  const PART = {
    ...{ start: 7, serial: 90, offset: 90, epoch: 0, reached: 200, seq: 4, ticks: 40, statusNumber: 0 },
  }

  function moving(): Recipient {
    const client = recipient(1)
    join(client, A)
    replied(client)
    membership.move(client, changeTo(client, B), REPLY, 100, START)
    return client
  }

  const given = (client: Recipient, offset = PART.offset) =>
    membership.partGiven(client, { type: 'more', position: { ...PART, serial: offset, offset } }, true)

  const open = () => [...streams[0]!.audiences.keys()]

  it('leaves its audience with the first part; the audience stays open until the last', () => {
    const client = moving()
    expect(sent.at(-1)).toMatchObject({ command: { op: 'join', audience: 2, leaving: 1, replay: START } })
    expect(client.cursor.audience?.id).toBe(1)
    given(client)
    expect(sent.at(-1)).toMatchObject({
      command: { op: 'join', audience: 2, leaving: 0, replay: { ...PART, earlier: 1 }, replies: [] },
    })
    expect([client.cursor.audience, open()]).toEqual([undefined, [1, 2]])
    expect(replied(client)?.id).toBe(2)
    expect(open()).toEqual([2])
  })

  it('holds nothing any more when it leaves in the midst of the replay', () => {
    const client = moving()
    given(client)
    membership.leave(client)
    expect(open()).toEqual([])
  })

  it('is charged for the ticks that the lane reads', () => {
    const client = moving()
    given(client, 90)
    given(client, 100)
    expect(client.replyWork).toBe(83 + 10)
  })

  it('asks again from its audience when it could not take the first part', () => {
    const client = moving()
    membership.takeBack(client)
    expect(client.transfer.inFlight).toBeUndefined()
    membership.sendNext(client)
    expect(sent.at(-1)).toMatchObject({ command: { audience: 2, leaving: 1, replay: START, request: 3 } })
  })

  it('may have four changes queued that cannot be done at one place', () => {
    const client = moving()
    for (const afterOffset of [1, 2, 3, 4]) {
      expect(membership.hasTooManyQueued(client, startAt(afterOffset))).toBe(false)
      membership.move(client, changeTo(client, A), REPLY, 100, startAt(afterOffset))
    }
    expect(membership.hasTooManyQueued(client, startAt(5))).toBe(true)
    expect(membership.hasTooManyQueued(client, null)).toBe(true)
    expect(membership.hasTooManyQueued(client, startAt(4))).toBe(false)
  })
})
