import { afterEach, describe, expect, it } from 'vitest'
import { FanOut } from '../support/fan-out.js'
import { spec } from '../support/specs.js'

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a member that goes over to another audience', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  async function asked() {
    const { lane, membership, streams } = start()
    const [mover, other] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    membership.move(mover.recipient, B, ANSWER, 100)
    return { lane, mover, other: other!, first, second: () => streams[0]!.audiences.get(first.id + 1)! }
  }

  it('gets every record of the old one up to the answer, and every one of the new one after it', async () => {
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

  it('gets the rest of the old one first when it is behind as the answer comes', async () => {
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

  it('is given nothing while it is blocked, however often it asks', async () => {
    const { lane, membership } = start()
    const [mover] = await fanOut.members(1)
    mover.socket.isStuck = true
    await fanOut.tick(fanOut.audience(mover))
    for (let round = 0; round < 10; round++) {
      membership.move(mover.recipient, B, ANSWER, 100)
      lane.obey()
      await fanOut.turn()
    }
    expect(mover.socket.writeLengths).toEqual([4, 4])
    mover.socket.open()
    lane.obey()
    await fanOut.turn()
    expect(mover.socket.text).toMatch(/^1!0;1:1;\d+!0;$/)
  })

  it('takes what it was given first when it is blocked as the answer comes', async () => {
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

  it('is answered, though it reads so slowly that each turn blocks it', async () => {
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

  it('gets the whole of an answer whose first part blocks it', async () => {
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
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const

  const resuming = () => fanOut.connect(undefined, { replay: { offset: 0, seq: 0, continuity: null } })

  /** The joins that the lane was told of since the last call. */
  const joins = () => fanOut.lane.commands.splice(0).flatMap(each => (each.op === 'join' ? [each] : []))

  it('is given part after part as it takes them', async () => {
    const { lane } = start()
    const { recipient, socket } = resuming()
    for (let part = 1; part <= 3; part++) {
      const [join] = joins()
      expect(join).toMatchObject({ client: recipient.id, replay: { seq: part - 1 } })
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
    membership.move(recipient, B, ANSWER, 100)
    expect(joins()).toEqual([])
    socket.open()
    expect(joins()).toMatchObject([{ client: recipient.id, replay: { seq: 1 } }])
  })

  it.each(['the first', 'a later'])(
    'holds up no others when it closes before it is given %s part',
    async which => {
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
    },
  )
})

describe('a client that joins in the midst of an interval', () => {
  const B = spec({ symbols: ['B'], batch: true })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: false } as const
  const AT_TICK = { lostTotal: 0, unknownLosses: 0 }

  /** One is a member; the other was answered after one tick and waits. */
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

  it('does not get what the others waited for, and asks anew then, once', async () => {
    const { audience, lane, newcomer } = await waiting()
    expect(lane.commands).toEqual([])
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    const join = newcomer.recipient.transfer.requestId
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, lastOffset: 1, flushedOffset: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'join', audience: 1, leaving: 1, join, fellBehindAt, answers: [] },
    ])
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(newcomer.socket.text).toBe('1!1;1?2;1:4;')
    expect([fanOut.count('lapped'), fanOut.count('skippedAhead')]).toEqual([0, 0])
    expect(audience.clientCount).toBe(2)
  })

  it('may ask for something else meanwhile, from where it waits', async () => {
    const { audience, lane, membership, newcomer } = await waiting()
    membership.move(newcomer.recipient, B, ANSWER, 100)
    const fellBehindAt = { ...AT_TICK, ticksTotal: 1, lastOffset: 1, flushedOffset: 1 }
    expect(lane.commands).toMatchObject([
      { op: 'open', audience: 2 },
      { op: 'join', audience: 2, leaving: 1, fellBehindAt, answers: [ANSWER] },
    ])
    await fanOut.tick(audience)
    lane.obey()
    await fanOut.turn()
    await fanOut.tick(audience)
    expect(lane.commands).toEqual([])
    await fanOut.tick(fanOut.audience(newcomer))
    expect(newcomer.socket.text).toBe('1!1;2?-1;2:1;')
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
    blocked.socket.open()
    await fanOut.tick(audience)
    expect(lane.commands).toMatchObject([{ op: 'join', client: blocked.recipient.id }])
  })
})

describe('a lane that dies in the midst of an answer', () => {
  const B = spec({ symbols: ['B'], batch: true, latest: [{ intervalMs: 100, symbols: ['C*'] }] })
  const ANSWER = { type: 'subscribed', symbols: ['B'], delivery: 'every', snapshot: true } as const

  /** One of two has asked for another audience and was given the first part of the answer, when the lane dies. */
  async function half({ newcomersWait = false } = {}) {
    const { membership, streams } = start()
    const [mover] = await fanOut.members(2)
    const first = fanOut.audience(mover)
    await fanOut.tick(first)
    membership.move(mover.recipient, B, ANSWER, 100)
    const [open, join] = fanOut.lane.commands.splice(0)
    if (open?.op !== 'open' || join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    fanOut.lane.newcomersWait = newcomersWait
    fanOut.lane.beginReply(join)
    return { mover, first, join, second: streams[0]!.audiences.get(join.audience)! }
  }

  const joins = () => fanOut.lane.commands.filter(({ op }) => op === 'join')

  it('has let the client in: it gets what comes from there, and a whole snapshot', async () => {
    const { mover, first, join, second } = await half()
    await fanOut.laneDies()
    expect(joins()).toMatchObject([
      {
        ...{ audience: second.id, leaving: second.id, fellBehindAt: null },
        answers: [{ type: 'snapshot' }],
      },
    ])
    // What the successor answers to the command that it reads again is for nobody.
    fanOut.lane.replyTo(join)
    fanOut.lane.record(first.id)
    await fanOut.tick(second)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2:1;2!1;2:2;')
  })

  it('has the client wait that was told to', async () => {
    const { mover, second } = await half({ newcomersWait: true })
    await fanOut.laneDies()
    expect(joins()).toMatchObject([{ audience: second.id, fellBehindAt: { lastOffset: 0 } }])
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;')
    expect([mover.recipient.cursor.awaitsFlush, mover.recipient.cursor.audience]).toEqual([true, second])
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(second)
    expect(mover.socket.text).toBe('1!0;1:1;2!0;2?1;2:2;')
  })

  it.each(['before', 'after'])(
    'has a client that asks for a change %s that be given the snapshot of what it wants then',
    async when => {
      const { mover, second } = await half()
      const C = spec({ symbols: ['C'], batch: true })
      const TO_C = { type: 'unsubscribed', symbols: ['B'] } as const
      const change = () => fanOut.membership.move(mover.recipient, C, TO_C, 100)
      if (when === 'before') change()
      // Blocked: it asks for nothing yet.
      else mover.socket.isStuck = true
      await fanOut.laneDies()
      if (when === 'after') {
        change()
        mover.socket.open()
        await fanOut.rest()
      }
      const [join, ...others] = joins()
      const answers = [TO_C, { type: 'snapshot' }]
      expect(join).toMatchObject({
        leaving: second.id,
        answers: when === 'before' ? answers : answers.reverse(),
      })
      expect(others).toEqual([])
      expect(join?.op === 'join' && fanOut.streams[0]!.audiences.get(join.audience)?.spec).toEqual(C)
    },
  )

  it('does not lose the client that its first part has blocked', async () => {
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

  it('changes nothing for those who were answered to the end, have left, or are of another lane', async () => {
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

  it('has a client that resumes be given the rest from where it is', async () => {
    start()
    const { recipient, socket } = fanOut.connect(B, { replay: { offset: 0, seq: 0, continuity: null } })
    const [, join] = fanOut.lane.commands.splice(0)
    if (join?.op !== 'join') throw new Error('nothing was asked')
    fanOut.lane.ticksTotals.set(join.audience, 0)
    // Three messages of the live stream, which the snapshot says goes on from there.
    for (let tick = 0; tick < 3; tick++) fanOut.lane.record(join.audience)
    fanOut.lane.replay(join, true)
    await fanOut.laneDies()
    fanOut.lane.replay(join, true)
    await fanOut.turn()
    expect(joins()).toMatchObject([
      { client: recipient.id, replay: { offset: 3, seq: 3, continuity: { lastPosition: 3 } }, answers: [] },
    ])
    expect(socket.text).toBe('1~;')
  })
})
