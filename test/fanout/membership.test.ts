import { beforeEach, describe, expect, it } from 'vitest'
import { LaneLink } from '../../src/fanout/lane-link.js'
import { Membership } from '../../src/fanout/membership.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { leastLoaded } from '../../src/lanes/placement.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import type { LaneCommand } from '../../src/protocol/lane-commands.js'
import { FakeSocket } from '../support/fake-socket.js'

const A = { symbols: ['A'], batch: true }

let links: LaneLink[]
let sent: { lane: number; command: LaneCommand }[]
let membership: Membership

beforeEach(() => {
  const layout = laneLayout(8192, 512, 64)
  links = [0, 1].map(index => new LaneLink(index, layout, () => {}))
  sent = []
  membership = new Membership({
    links,
    place: leastLoaded,
    send: (lane, command) => sent.push({ lane, command }),
  })
})

function recipient(id: number): Recipient {
  return new Recipient(id, `test-${id}`, new FakeSocket().duplex)
}

const join = (client: number, audience: number, request = 1) => ({
  op: 'join',
  audience,
  client,
  name: `test-${client}`,
  join: request,
  fellBehindAt: null,
})

describe('Membership', () => {
  it('opens an audience for the first that wants its bytes, and lets the next ones join it', () => {
    membership.join(recipient(1), A)
    membership.join(recipient(2), { symbols: ['A'], batch: true })
    expect(sent).toEqual([
      { lane: 0, command: { op: 'open', audience: 1, spec: A } },
      { lane: 0, command: join(1, 1) },
      { lane: 0, command: join(2, 1) },
    ])
    expect(membership.audienceCount).toBe(1)
    expect(links[0]!.audiences.get(1)!.clientCount).toBe(2)
  })

  it.each([
    { symbols: ['B'], batch: true },
    { symbols: ['A', 'B'], batch: true },
    { symbols: ['A'], batch: false },
    { symbols: null, batch: true },
  ])('opens another one, on another lane, for one that wants other bytes: %j', spec => {
    membership.join(recipient(1), A)
    const other = recipient(2)
    membership.join(other, spec)
    expect(membership.audienceCount).toBe(2)
    expect(sent.at(-1)).toEqual({ lane: 1, command: join(2, 2) })
    expect(other.audience?.spec).toEqual(spec)
  })

  it('closes an audience with its last client, wherever that stands', () => {
    const [first, second] = [recipient(1), recipient(2)]
    membership.join(first, A)
    membership.join(second, A)
    membership.leave(first)
    expect(membership.audienceCount).toBe(1)
    membership.leave(second)
    expect(membership.audienceCount).toBe(0)
    expect(links[0]!.audiences.size).toBe(0)
    expect(sent.at(-1)).toEqual({ lane: 0, command: { op: 'close', audience: 1 } })
  })

  it('does nothing when one leaves that has left', () => {
    const [first, second] = [recipient(1), recipient(2)]
    membership.join(first, A)
    membership.join(second, A)
    membership.leave(first)
    membership.leave(first)
    expect(membership.audienceCount).toBe(1)
  })

  it('gives an audience that comes again a number of its own', () => {
    const [first, second] = [recipient(1), recipient(2)]
    membership.join(first, A)
    membership.leave(first)
    membership.join(second, A)
    expect(sent.at(-1)).toEqual({ lane: 0, command: join(2, 2) })
  })

  it('asks anew, from where it fell behind, for one that goes on', () => {
    const slow = recipient(1)
    const progress = { ticksTotal: 4, lostTotal: 0, unknownLosses: 0, lastOffset: 12 }
    membership.join(slow, A)
    slow.progress = progress
    membership.rejoin(slow)
    expect(sent.at(-1)).toEqual({ lane: 0, command: { ...join(1, 1, 2), fellBehindAt: progress } })
    expect(links[0]!.audiences.get(1)!.clientCount).toBe(1)
  })

  it('asks nothing for one that has left', () => {
    const slow = recipient(1)
    membership.join(slow, A)
    membership.leave(slow)
    const before = sent.length
    membership.rejoin(slow)
    expect(sent).toHaveLength(before)
  })
})
