import { afterEach, describe, expect, it } from 'vitest'
import { FanOut, type Member, ticksIn, upTo } from '../support/fan-out.js'
import { spec } from '../support/specs.js'

/** With a conflation group beside the symbols of every tick. */
const MIXED = spec({ symbols: ['A'], latest: [{ intervalMs: 0, symbols: ['B'] }] })

let fanOut: FanOut

function start(options?: ConstructorParameters<typeof FanOut>[0]): FanOut {
  fanOut = new FanOut(options)
  return fanOut
}

afterEach(() => fanOut.transmitter.stop())

describe('a blocked member', () => {
  it('is not written to, and gets all that it missed in merged writes once it drains', async () => {
    start()
    const [slow, fast] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let tick = 0; tick < 20; tick++) await fanOut.tick(audience)
    expect(slow.socket.writeLengths).toEqual([4, 4])
    slow.socket.open()
    await fanOut.rest()
    expect(slow.socket.text).toBe(fast!.socket.text)
    // One write for all records that lie side by side.
    expect(slow.socket.writeLengths).toHaveLength(3)
    expect(fanOut.recovered).toEqual([])
    expect(fanOut.count('ticksBroadcast')).toBe(40)
    expect(fanOut.count('messages')).toBe(40)
    expect(fanOut.count('writesBlocked')).toBe(1)
    expect(fanOut.count('bytesSent')).toBe(Buffer.byteLength(slow.socket.text + fast!.socket.text))
  })

  it('gets records with the other members after it has caught up', async () => {
    start()
    const [slow] = await fanOut.members(2)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    slow.socket.open()
    await fanOut.rest()
    await fanOut.tick(audience)
    expect(ticksIn(slow.socket.text)).toEqual([1, 2, 3])
    expect(fanOut.isDrained).toBe(true)
  })

  it('stays blocked while later writes to its socket have not drained', async () => {
    start()
    const [slow] = await fanOut.members(1)
    const { recipient, socket } = slow
    const audience = fanOut.audience(slow)
    socket.isStuck = true
    await fanOut.tick(audience)
    // Others write to it, too: a pong, an error message.
    socket.write(Buffer.from('{}'))
    socket.drain(2)
    expect(socket.writableLength).toBeGreaterThan(0)
    expect(recipient.isBlocked).toBe(true)
    socket.drain()
    expect(recipient.isBlocked).toBe(false)
    await fanOut.rest()
  })

  it('goes on catching up from where it stopped when it blocks meanwhile', async () => {
    start()
    const [slow] = await fanOut.members(1)
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let tick = 0; tick < 3; tick++) await fanOut.tick(audience, 60)
    slow.socket.drain()
    await fanOut.tick(audience, 60)
    slow.socket.drain()
    await fanOut.tick(audience, 60)
    slow.socket.open()
    await fanOut.rest()
    expect(ticksIn(slow.socket.text)).toEqual(upTo(300))
    expect(fanOut.recovered).toEqual([])
  })

  it('goes on behind a mark that is the first record that it missed', async () => {
    start()
    const slow = fanOut.connect(MIXED)
    fanOut.lane.obey()
    await fanOut.turn()
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    await fanOut.tick(audience, 60)
    fanOut.lane.mark(audience.id, 0)
    await fanOut.turn()
    // Longer than what is left of the segment: the record does not lie beside the mark, and is no part of its write.
    await fanOut.tick(audience, 130)
    slow.socket.open()
    await fanOut.rest()
    await fanOut.tick(audience)
    expect(ticksIn(slow.socket.text)).toEqual(upTo(191))
    expect(fanOut.isDrained).toBe(true)
  })

  it('is listed in the order in which members were blocked', async () => {
    start()
    const [first, second] = await fanOut.members(2)
    const audience = fanOut.audience(first)
    second!.socket.isStuck = true
    await fanOut.tick(audience)
    fanOut.clock.advance(5)
    first.socket.isStuck = true
    await fanOut.tick(audience)
    expect([...fanOut.transmitter.blockedRecipients()]).toEqual([second!.recipient, first.recipient])
    expect(first.recipient.blockedSinceMs - second!.recipient.blockedSinceMs).toBe(5)
  })

  it('stays blocked until it leaves when its write fails, which is counted', async () => {
    start()
    const [member] = await fanOut.members(1)
    member.socket.isStuck = true
    await fanOut.tick(fanOut.audience(member))
    member.socket.fail(new Error('EPIPE'))
    expect(fanOut.count('broadcastErrors')).toBe(1)
    expect(fanOut.isDrained).toBe(false)
    fanOut.leave(member.recipient)
    expect(fanOut.isDrained).toBe(true)
  })

  it('ends the work of the transmitter when its last write has drained', async () => {
    start()
    const [member] = await fanOut.members(1)
    member.socket.isStuck = true
    await fanOut.tick(fanOut.audience(member))
    let told = 0
    fanOut.afterRun = () => {
      if (fanOut.isDrained) told++
    }
    member.socket.open()
    await fanOut.rest()
    expect(told).toBe(1)
  })

  it('gets no more frames once muted, and its socket drains', async () => {
    start()
    const [member] = await fanOut.members(1)
    const audience = fanOut.audience(member)
    member.socket.isStuck = true
    await fanOut.tick(audience)
    await fanOut.tick(audience)
    fanOut.transmitter.mute(member.recipient)
    member.socket.open()
    await fanOut.rest()
    expect(ticksIn(member.socket.text)).toEqual([1])
    expect(fanOut.isDrained).toBe(true)
  })
})

describe('an overrun member', () => {
  /** The first of two members takes nothing while the ring goes round. Its socket holds only its first write. */
  async function overrun(): Promise<Member[]> {
    start()
    const members = await fanOut.members(2)
    const [slow] = members
    const audience = fanOut.audience(slow)
    slow.socket.isStuck = true
    for (let record = 0; record < 40; record++) await fanOut.tick(audience, 60)
    return members
  }

  it('is told exactly how many ticks it missed when it reads again, and goes on from there', async () => {
    const [slow] = await overrun()
    const { recipient, socket } = slow!
    expect(fanOut.evicted).toEqual([])
    socket.open()
    await fanOut.rest()
    expect(fanOut.recovered).toEqual([
      {
        recipient,
        progress: {
          ticksTotal: 60,
          lostTotal: 0,
          unknownLosses: 0,
          statusNumber: 0,
          serial: 60,
          offset: 60,
          epoch: 0,
          flushedSerial: 0,
        },
      },
    ])
    expect(fanOut.lane.commands).toEqual([
      {
        op: 'join',
        audience: 1,
        leaving: 1,
        client: recipient.id,
        name: recipient.name,
        request: 2,
        fellBehindAt: fanOut.recovered[0]!.progress,
        replay: null,
        replies: [],
      },
    ])
    await fanOut.tick(fanOut.audience(slow!))
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(slow!))
    // The lane replies after 41 records: 2401 ticks, of which the client had 60.
    expect(socket.text.slice(socket.text.indexOf('?') - 1)).toBe('1?2341;1:2402;')
    expect(ticksIn(socket.text)).toEqual([...upTo(60), 2402])
    expect(fanOut.count('lapped')).toBe(1)
    expect(fanOut.count('ticksDroppedSlow')).toBe(2341)
    expect(recipient.cursor.progress).toBeUndefined()
  })

  it('has been sent all only when it has been told how many ticks it missed', async () => {
    const [slow, fast] = await overrun()
    expect(fanOut.hasSentAll(fast!.recipient)).toBe(true)
    expect(fanOut.hasSentAll(slow!.recipient)).toBe(false)
    slow!.socket.open()
    await fanOut.rest()
    // It waits for the lane's reply, and its socket is empty.
    expect([slow!.socket.writableLength, fanOut.hasSentAll(slow!.recipient)]).toEqual([0, false])
    fanOut.lane.obey()
    await fanOut.turn()
    expect(fanOut.hasSentAll(slow!.recipient)).toBe(true)
  })

  it('does not delay members that read', async () => {
    const [, fast] = await overrun()
    expect(ticksIn(fast!.socket.text)).toEqual(upTo(2400))
  })

  it('gets no reply to an earlier request', async () => {
    const [slow] = await overrun()
    slow!.socket.open()
    await fanOut.rest()
    const stale = fanOut.lane.commands.splice(0)
    fanOut.membership.recover(slow!.recipient)
    const fresh = fanOut.lane.commands.splice(0)
    fanOut.lane.commands.push(...stale)
    fanOut.lane.obey()
    await fanOut.turn()
    expect(slow!.socket.text).not.toContain('?')
    fanOut.lane.commands.push(...fresh)
    fanOut.lane.obey()
    await fanOut.turn()
    expect(slow!.socket.text).toContain('?')
  })

  it('gets no reply that a lane repeats', async () => {
    start()
    const member = fanOut.connect()
    const [, join] = fanOut.lane.commands
    fanOut.lane.obey()
    fanOut.lane.commands.push(join!)
    fanOut.lane.obey()
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(member))
    expect(member.socket.text).toBe('1!0;1:1;')
  })

  it('gets no reply when it has left', async () => {
    start()
    const member = fanOut.connect()
    const other = fanOut.connect()
    fanOut.lane.obey()
    fanOut.leave(member.recipient)
    await fanOut.turn()
    await fanOut.tick(fanOut.audience(other))
    expect(member.socket.text).toBe('')
    expect(other.socket.text).toBe('1!0;1:1;')
  })
})
