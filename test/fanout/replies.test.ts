import { afterEach, describe, expect, it } from 'vitest'
import { FanOut } from '../support/fan-out.js'
import { changeTo, spec, startAt } from '../support/specs.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a member that changes its audience', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const REPLY = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  async function asked() {
    const { lane, membership, streams } = start()
    const [mover, other] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
    return { lane, mover, other: other!, first, second: () => streams[0]!.audiences.get(first.id + 1)! }
  }

  it('gets every record of the old audience up to the reply, and every record of the new one after it', async () => {
    const { lane, mover, other, first, second } = await asked()
    lane.record(first.id)
    lane.record(second().id)
    lane.obey()
    lane.record(first.id)
    lane.record(second().id)
    await fanOut.turn()
    await fanOut.tick(first)
    await fanOut.tick(second())
    expect(mover.socket.text).toBe('1!0;1:1;2!1;2:2;2:3;')
    expect(other.socket.text).toBe('1!0;1:1;1:2;1:3;')
    expect(fanOut.audience(mover)).toBe(second())
  })

  it('gets the rest of the old audience first when it is behind as the reply comes', async () => {
    const { lane, mover, first, second } = await asked()
    mover.socket.isStuck = true
    await fanOut.tick(first)
    await fanOut.tick(first)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(first)
    mover.socket.open()
    await fanOut.rest()
    expect(mover.socket.text).toBe('1!0;1:1;1:2;1:3;')
    expect(fanOut.audience(mover)).toBe(first)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(second())
    await fanOut.tick(first)
    expect(mover.socket.text).toBe('1!0;1:1;1:2;1:3;2!0;2:1;')
  })

  it('gets nothing while it is blocked, however often it asks', async () => {
    const { lane, membership } = start()
    const [mover] = await fanOut.members(1)
    mover.socket.isStuck = true
    await fanOut.tick(fanOut.audience(mover))
    for (let round = 0; round < 10; round++) {
      membership.move(mover.recipient, changeTo(mover.recipient, B), REPLY, 100)
      lane.obey()
      await fanOut.turn()
    }
    expect(mover.socket.writeLengths).toEqual([4, 4])
    mover.socket.open()
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toMatch(/^1!0;1:1;\d+!0;$/)
  })

  it('takes the bytes that it was given first when it is blocked as the reply comes', async () => {
    const { lane, mover, first } = await asked()
    mover.socket.isStuck = true
    await fanOut.tick(first)
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.writeLengths).toEqual([4, 4])
    expect(fanOut.audience(mover)).toBe(first)
    mover.socket.open()
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toBe('1!0;1:1;2!0;')
  })

  it('gets its reply, though it reads so slowly that each turn blocks it', async () => {
    const { lane, mover, first, second } = await asked()
    for (let turn = 0; turn < 2; turn++) {
      mover.socket.isStuck = true
      lane.record(first.id)
      lane.obey()
      await fanOut.turn()
      mover.socket.open()
    }
    await fanOut.tick(second())
    expect(mover.socket.text).toBe('1!0;1:1;1:2;2!0;2:1;')
  })

  it('gets the whole of a reply whose first part blocks it', async () => {
    const { lane, mover, second } = await asked()
    const [, join] = lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('nothing was asked')
    lane.ticksTotals.set(join.audience, 0)
    lane.replyTo(join, 3)
    mover.socket.isStuck = true
    await fanOut.turn()
    mover.socket.open()
    await fanOut.tick(second())
    expect(lane.commands.filter(({ op }) => op === 'join')).toEqual([])
    expect(mover.socket.text).toBe('1!0;2!0;2+;2+;2:1;')
  })
})

describe('a client that resumes', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const REPLY = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  const resuming = () => fanOut.connect(undefined, { replay: startAt(0) })

  /** The joins that were sent to the lane since the last call. */
  const joins = () => fanOut.lane.commands.splice(0).flatMap(each => (each.op === 'join' ? [each] : []))

  it('gets part after part as it takes them', async () => {
    const { lane } = start()
    const { recipient, socket } = resuming()
    for (let part = 1; part <= 3; part++) {
      const [join] = joins()
      const replay = part === 1 ? startAt(0) : { seq: part - 1 }
      expect(join).toMatchObject({ client: recipient.id, replay })
      lane.replay(join!)
      await fanOut.turn()
    }
    expect(socket.text).toBe('1~;1~;1~;')
  })

  it('stops its own replay while it does not read, whatever it asks for', async () => {
    const { lane, membership } = start()
    const { recipient, socket } = resuming()
    socket.isStuck = true
    lane.replay(joins()[0]!)
    await fanOut.turn()
    membership.move(recipient, changeTo(recipient, B), REPLY, 100)
    expect(joins()).toEqual([])
    socket.open()
    expect(joins()).toMatchObject([{ client: recipient.id, replay: { seq: 1 } }])
  })

  it.each(['the first', 'a later'])('delays no others when it closes before it gets %s part', async which => {
    const { lane } = start()
    const clients = [resuming(), resuming(), resuming()]
    if (which === 'a later') {
      for (let part = 0; part < 3; part++) {
        for (const join of joins()) lane.replay(join)
        await fanOut.turn()
      }
    }
    const asked = joins()
    const closing = clients.filter(({ recipient }) => asked.some(({ client }) => client === recipient.id))
    expect(closing).toHaveLength(2)
    for (const { socket } of closing) socket.writable = false
    for (const join of asked) lane.replay(join)
    await fanOut.turn()
    const [other] = clients.filter(each => !closing.includes(each))
    expect(joins()).toMatchObject([{ client: other!.recipient.id }])
    for (const { recipient } of clients) fanOut.leave(recipient)
    expect(fanOut.membership.audienceCount).toBe(0)
  })
})

describe('a client that awaits a flush', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const REPLY = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const
  const AT_TICK = { lostTotal: 0, unknownLosses: 0, statusNumber: 0 }

  /** One client is a member. The other got a reply after one tick, and awaits a flush. */
  async function waiting() {
    const { lane, membership } = start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    await fanOut.tick(audience)
    const newcomer = fanOut.connect()
    lane.newcomersWait = true
    lane.obey()
    await fanOut.turn()
    lane.newcomersWait = false
    return { audience, lane, member, membership, newcomer }
  }

  it('does not get the flush, and asks again after it, once', async () => {
    const { audience, lane, newcomer } = await waiting()
    expect(lane.commands).toEqual([])
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    const request = newcomer.recipient.transfer.requestId
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, serial: 1, offset: 1, epoch: 0, flushedSerial: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'join', audience: 1, leaving: 1, request, fellBehindAt, replies: [] },
    ])
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(newcomer.socket.text).toBe('1!1;1?2;1:4;')
    expect([fanOut.count('lapped'), fanOut.count('skippedAhead')]).toEqual([0, 0])
    expect(audience.clientCount).toBe(2)
  })

  it('is let in after the flush, though it waits for the turn of its replay', async () => {
    const { audience, lane, membership, newcomer } = await waiting()
    const { recipient, socket } = newcomer
    const others = [1, 2].map(() => fanOut.connect(undefined, { replay: startAt(0) }))
    membership.move(recipient, changeTo(recipient, B), REPLY, 100, startAt(0))
    const joins = () => lane.commands.flatMap(each => (each.op === 'join' ? [each.client] : []))
    expect(joins()).toEqual(others.map(other => other.recipient.id))
    lane.commands.length = 0
    await fanOut.tick(audience)
    expect(joins()).toEqual([recipient.id])
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(socket.text).toBe('1!1;1?1;1:3;')
    for (const other of others) fanOut.leave(other.recipient)
    expect(lane.commands.at(-1)).toMatchObject({ client: recipient.id, replay: startAt(0) })
  })

  it('may ask for a change meanwhile, from where it waits', async () => {
    const { audience, lane, membership, newcomer } = await waiting()
    membership.move(newcomer.recipient, changeTo(newcomer.recipient, B), REPLY, 100)
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, serial: 1, offset: 1, epoch: 0, flushedSerial: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'derive', audience: 2 },
      { op: 'join', audience: 2, leaving: 1, fellBehindAt, replies: [REPLY] },
    ])
    await fanOut.tick(audience)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(lane.commands).toEqual([])
    await fanOut.tick(fanOut.audience(newcomer))
    expect(newcomer.socket.text).toBe('1!1;1?1;2!0;2:1;')
    expect([fanOut.count('lapped'), fanOut.count('skippedAhead')]).toEqual([0, 0])
    expect([audience.clientCount, newcomer.recipient.cursor.progress]).toEqual([1, undefined])
  })

  it('asks for nothing when it has left, or while it is blocked', async () => {
    const { audience, lane, newcomer } = await waiting()
    const blocked = fanOut.connect()
    lane.newcomersWait = true
    blocked.socket.isStuck = true
    lane.obey()
    await fanOut.turn()
    lane.newcomersWait = false
    fanOut.leave(newcomer.recipient)
    expect([...audience.awaitingFlush]).toEqual([blocked.recipient])
    await fanOut.tick(audience)
    expect(lane.commands).toEqual([])
    expect(fanOut.hasSentAll(blocked.recipient)).toBe(false)
    // The flush that it awaited was sent meanwhile: no further tick is needed.
    blocked.socket.open()
    await fanOut.rest()
    expect(lane.commands).toMatchObject([{ op: 'join', audience: audience.id, client: blocked.recipient.id }])
    lane.obey()
    await fanOut.turn()
    expect(audience.clientCount).toBe(2)
  })
})
