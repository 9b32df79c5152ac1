import { afterEach, describe, expect, it } from 'vitest'
import { UNCHANGED } from '../../src/memory/reply-descriptor.js'
import { FanOut } from '../support/fan-out.js'
import { changeTo, spec, startAt } from '../support/specs.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a lane that dies before the last part of a reply', () => {
  const B = spec({ symbols: ['B'], batch: true, latest: [{ intervalMs: 100, symbols: ['C*'] }] })
  const REPLY = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: true } as const

  /** One of two members has asked for another audience. The lane publishes the first part of the reply. */
  async function half({ newcomersWait = false } = {}) {
    const { membership, streams } = start()
    const [mover] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    await fanOut.tick(first)
    membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
    const [derive, join] = fanOut.lane.commands.splice(0)
    if (derive?.op !== 'derive' || join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    fanOut.lane.newcomersWait = newcomersWait
    fanOut.lane.beginReply(join)
    return { mover, first, join, second: streams[0]!.audiences.get(join.audience)! }
  }

  const joins = () => fanOut.lane.commands.filter(({ op }) => op === 'join')

  it('has made the client a member, which gets all later ticks and a whole snapshot', async () => {
    const { mover, first, join, second } = await half()
    await fanOut.laneDies()
    expect(joins()).toMatchObject([
      {
        ...{ audience: second.id, leaving: second.id, fellBehindAt: null },
        replies: [{ type: 'snapshot' }],
      },
    ])
    // A reply to the first request is for nobody.
    fanOut.lane.replyTo(join)
    fanOut.lane.record(first.id)
    await fanOut.tick(second)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2:1;2!1;2:2;')
  })

  it('has the client await the flush that the reply named', async () => {
    const { mover, second } = await half({ newcomersWait: true })
    await fanOut.laneDies()
    expect(joins()).toMatchObject([{ audience: second.id, fellBehindAt: { serial: 0, offset: 0, epoch: 0 } }])
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;')
    expect([...second.awaitingFlush]).toEqual([mover.recipient])
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2?1;2!1;2:2;')
  })

  it.each(['before', 'after'])(
    'gives a client that asks for a change %s that a snapshot of its new symbols',
    async when => {
      const { mover, second } = await half()
      const C = spec({ symbols: ['C'], batch: true })
      const TO_C = { type: 'unsubscribed', symbols: ['B'] } as const
      const change = () => fanOut.membership.move(mover.recipient, changeTo(mover.recipient, C), TO_C, 100)
      if (when === 'before') change()
      // While it is blocked it asks for nothing.
      else mover.socket.isStuck = true
      await fanOut.laneDies()
      if (when === 'after') {
        change()
        mover.socket.open()
        await fanOut.rest()
      }
      const [join, ...others] = joins()
      expect(join).toMatchObject({ leaving: second.id, replies: [{ type: 'snapshot' }, TO_C] })
      expect(others).toEqual([])
      expect(join?.op === 'join' && fanOut.streams[0]!.audiences.get(join.audience)?.spec).toEqual(C)
    },
  )

  it('gives a client the whole snapshot before a replay that it has asked for', async () => {
    const { mover, second } = await half()
    const { membership } = fanOut
    const C = spec({ symbols: ['C'], batch: true })
    const TO_C = { type: 'unsubscribed', symbols: ['B'] } as const
    membership.move(mover.recipient, changeTo(mover.recipient, C), TO_C, 100)
    const D = spec({ symbols: ['C', 'D'], batch: true })
    const TO_D = { ...REPLY, symbols: ['D'], snapshot: false }
    membership.move(mover.recipient, changeTo(mover.recipient, D), TO_D, 100, startAt(0))
    await fanOut.laneDies()
    expect(joins()).toMatchObject([
      { leaving: second.id, replies: [{ type: 'snapshot' }, TO_C], replay: null },
    ])
  })

  it('keeps a client as a member that the first part has blocked', async () => {
    const { mover, second } = await half()
    mover.socket.isStuck = true
    await fanOut.laneDies()
    expect(joins()).toEqual([])
    await fanOut.tick(second)
    mover.socket.open()
    await fanOut.rest()
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2:1;')
    expect(joins()).toHaveLength(1)
  })

  it('changes nothing for clients that have the whole reply, have left, or are on another lane', async () => {
    start({ laneCount: 2 })
    const [stays, leaves] = [fanOut.connect(), fanOut.connect(B)]
    for (const lane of fanOut.lanes) {
      for (const command of lane.commands.splice(0)) {
        if (command.op === 'open') lane.ticksTotals.set(command.audience, 0)
        else if (command.op === 'join') lane.replyTo(command, 3)
      }
    }
    await fanOut.turn()
    fanOut.leave(leaves.recipient)
    const other = fanOut.connect(B)
    const lane = fanOut.lanes[1]!
    const asked = lane.commands.find(({ op }) => op === 'join')
    if (asked?.op !== 'join') throw new Error('nothing was asked of the other lane')
    lane.ticksTotals.set(asked.audience, 0)
    lane.beginReply(asked)
    lane.publish()
    await fanOut.laneDies()
    expect(other.recipient.transfer.outcome).toBeDefined()
    expect(stays.recipient.transfer.inFlight).toBeUndefined()
    expect(other.recipient.transfer.inFlight).toBeDefined()
    expect(fanOut.lanes.flatMap(({ commands }) => commands).filter(({ op }) => op === 'join')).toHaveLength(1)
  })

  it('lets a client that resumes go on from where the part left it', async () => {
    start()
    const { recipient, socket } = fanOut.connect(B, { replay: startAt(0) })
    const [, join] = fanOut.lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    // The snapshot after the replay says that the live stream goes on after three messages.
    for (let tick = 0; tick < 3; tick++) fanOut.lane.record(join.audience)
    fanOut.lane.replay(join, true)
    await fanOut.laneDies()
    fanOut.lane.replay(join, true)
    await fanOut.turn()
    expect(joins()).toMatchObject([{ client: recipient.id, replay: { offset: 3, seq: 3 }, replies: [] }])
    expect(socket.text).toBe('1~;')
  })

  it('has its reply repeated to a client that resumes, and that a part without an outcome has blocked', async () => {
    start()
    const { socket } = fanOut.connect(B, { replay: startAt(3) })
    const [, join] = fanOut.lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('no request was sent')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    fanOut.lane.beginReply(join, false, UNCHANGED)
    socket.isStuck = true
    await fanOut.laneDies()
    fanOut.lane.obey()
    await fanOut.turn()
    expect([socket.text, joins()]).toEqual(['', []])
    socket.open()
    await fanOut.rest()
    expect(joins()).toMatchObject([{ replay: startAt(3) }])
    fanOut.lane.obey()
    await fanOut.turn()
    expect(socket.text).toBe('1!0;1~0;')
  })

  it('has the request of a client that is behind repeated, which gets its frames and no gap', async () => {
    const { lane, membership } = start()
    const [mover] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
    lane.commands.length = 0
    mover.socket.isStuck = true
    for (let tick = 0; tick < 3; tick++) await fanOut.tick(first)
    await fanOut.laneDies()
    expect(joins()).toMatchObject([{ leaving: first.id, fellBehindAt: null, replies: [REPLY] }])
    mover.socket.open()
    await fanOut.rest()
    fanOut.lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toBe('1!0;1:1;1:2;1:3;2!0;')
  })
})
