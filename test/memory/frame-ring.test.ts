import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import {
  CONTROL_BYTES,
  DESCRIPTOR_HEAD,
  DESCRIPTOR_TAIL,
  FREE_HEAD,
  FREE_TAIL,
  TURNS_CONSUMED,
  TURNS_PUBLISHED,
} from '../../src/memory/control-words.js'
import { AUDIENCE_FRAMES, type FrameDescriptor, TURN_END } from '../../src/memory/frame-descriptor.js'
import { type AnyDescriptor, FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { MainWakeUp } from '../../src/memory/lane-wake-up.js'
import { AWAIT_FLUSH, LIVE, MORE, ReplyDescriptor, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import { PACED, PROMPT, TurnBeginDescriptor, TurnEndDescriptor } from '../../src/memory/turn-descriptor.js'
import { findTorn, patternLength, writePattern } from '../support/pattern.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import type { FrameWriterTask } from '../support/threads/frame-writer.js'

const RECORD_BYTES_MAX = 2048
/** 8 segments of 4 KiB. */
const LAYOUT = laneLayout(32 * 1024, RECORD_BYTES_MAX, 0)

/** A frame ring whose counters all begin at `start`. */
class TestRing {
  readonly memory = new SharedArrayBuffer(LAYOUT.totalBytes)
  readonly control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4)
  readonly reader: FrameRingReader
  writer: FrameRingWriter
  private readonly frames = new AudienceDescriptor()

  constructor(start = 0) {
    for (const word of [
      DESCRIPTOR_HEAD,
      DESCRIPTOR_TAIL,
      TURNS_PUBLISHED,
      TURNS_CONSUMED,
      FREE_HEAD,
      FREE_TAIL,
    ])
      this.control[word] = start
    this.reader = new FrameRingReader(this.memory, LAYOUT)
    this.writer = new FrameRingWriter(this.memory, LAYOUT)
  }

  /** Writes and describes, without publishing. @returns whether there was room */
  write(number: number, length: number): boolean {
    const start = this.writer.reserve(length)
    if (start === undefined) return false
    writePattern(this.writer.bytes, start, length, number)
    this.describe(number, length)
    return true
  }

  describe(number: number, length: number): void {
    this.writer.describe(Object.assign(this.frames, { audience: number, length }))
  }

  /** The descriptor that was read last. */
  last!: AnyDescriptor

  /** Reads one descriptor and checks the bytes it names. @returns its number, or what is wrong */
  read(): number | string {
    const descriptor = this.reader.next()
    if (descriptor === undefined) return 'nothing'
    this.last = descriptor
    if (descriptor.kind !== AUDIENCE_FRAMES) return 'another kind'
    const { audience, length, start } = descriptor
    return findTorn(this.writer.bytes, start, length, audience) < 0 ? audience : `torn ${audience}`
  }
}

/** 0, and where counters wrap: 2^31 is near, and for the unsigned view of the free queue 0 is. */
const STARTS = [0, 2 ** 31 - 5, -5, -(2 ** 31)]

const INT32_MAX = 2 ** 31 - 1
const OFFSET = 2 ** 53 - 1
const MEMBER = { offset: OFFSET, ticksTotal: 2 ** 52 + 1, lostTotal: 2 ** 40, unknownLosses: 5 }
const CONTINUITY = {
  ...CONTINUITY_AT_START,
  ...{ lastPosition: 2 ** 52, lastMark: 9, lostSincePosition: 3, isInDoubt: true },
}
const PART = { length: 77, client: INT32_MAX, request: INT32_MAX - 1, messages: 3, ticks: 6 }
const AUDIENCE = {
  ...{ length: 77, audience: INT32_MAX, messages: 3, ticks: 6, group: 7, unknownLosses: 5 },
  ...{ ticksTotal: OFFSET, lastOffset: 2 ** 52 + 1, lostTotal: 2 ** 40, receivedUs: 1_723_161_255_088_169 },
}
const replyWith = (fields: Partial<ReplyDescriptor>) => Object.assign(new ReplyDescriptor(), PART, fields)
const DESCRIPTORS: readonly (readonly [string, () => FrameDescriptor])[] = [
  ['frames of an audience', () => Object.assign(new AudienceDescriptor(), AUDIENCE)],
  ['a reply that lets a client in', () => replyWith({ ...MEMBER, outcome: LIVE })],
  ['a reply after which a client waits', () => replyWith({ ...MEMBER, outcome: AWAIT_FLUSH, isLast: false })],
  ['a later part of a reply', () => replyWith({ outcome: UNCHANGED, isLast: false })],
  [
    'a part of a replay',
    () => replyWith({ offset: OFFSET, seq: OFFSET - 1, continuity: CONTINUITY, outcome: MORE }),
  ],
  ['the begin of a paced turn', () => Object.assign(new TurnBeginDescriptor(), { pace: PACED })],
  ['the begin of a prompt turn', () => Object.assign(new TurnBeginDescriptor(), { pace: PROMPT })],
  ['the end of a turn', () => new TurnEndDescriptor()],
]

describe('the frame ring', () => {
  describe.each(STARTS)('positions from %i', start => {
    it.each(DESCRIPTORS)('carries every field of %s', (_, create) => {
      const ring = new TestRing(start)
      for (let lap = 0; lap < 20; lap++) {
        const at = ring.writer.reserve(77)!
        const written = create()
        ring.writer.describe(written)
        ring.writer.publish()
        const segment = Math.floor((at - LAYOUT.framesStart) / LAYOUT.segmentBytes)
        expect({ ...ring.reader.next() }).toEqual({ ...written, segment, start: at })
      }
    })
  })

  it('shows no descriptor before it is published', () => {
    const ring = new TestRing()
    ring.write(1, 10)
    ring.describe(1, 0)
    expect(ring.reader.hasNext()).toBe(false)
    expect(ring.reader.next()).toBeUndefined()
    ring.writer.publish()
    expect([ring.read(), ring.read(), ring.read()]).toEqual([1, 1, 'nothing'])
  })

  it.each(STARTS)('takes segments back in any order, positions from %i', start => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(7), fc.integer({ min: 1, max: 4096 })), { maxLength: 200 }),
        steps => {
          const ring = new TestRing(start)
          const held: { segment: number; frames: { number: number; start: number; length: number }[] }[] = []
          let used = LAYOUT.segmentBytes
          let number = 0
          for (const [pick, length] of steps) {
            const fits = used + length <= LAYOUT.segmentBytes
            expect(ring.writer.hasRoomFor(length)).toBe(fits || held.length < LAYOUT.segmentCount)
            if (!ring.write(++number, length)) {
              // All eight are held; the one in use stays.
              expect(fits || held.length < LAYOUT.segmentCount).toBe(false)
              const [back] = held.splice(pick % (held.length - 1), 1)
              for (const frame of back!.frames)
                expect(findTorn(ring.writer.bytes, frame.start, frame.length, frame.number)).toBe(-1)
              ring.reader.giveBack(back!.segment)
              number--
              continue
            }
            used = fits ? used + length : length
            ring.writer.publish()
            expect(ring.read()).toBe(number)
            const { segment, start: at } = ring.last
            if (!fits) {
              expect(held.map(({ segment }) => segment)).not.toContain(segment)
              held.push({ segment, frames: [] })
            }
            held.at(-1)!.frames.push({ number, start: at, length })
            ring.reader.release()
            expect(ring.reader.freeSegments()).toBe(LAYOUT.segmentCount - held.length)
          }
          for (const { frames } of held)
            for (const frame of frames)
              expect(findTorn(ring.writer.bytes, frame.start, frame.length, frame.number)).toBe(-1)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('puts frames side by side, and never across the end of a segment', () => {
    const ring = new TestRing()
    const starts = [2000, 2000, 96, 1].map(length => {
      ring.write(length, length)
      ring.writer.publish()
      ring.read()
      return ring.last.start
    })
    expect(starts[1]! - starts[0]!).toBe(2000)
    expect(starts[2]! - starts[0]!).toBe(4000)
    expect((starts[3]! - LAYOUT.framesStart) % LAYOUT.segmentBytes).toBe(0)
    expect(ring.last.segment).not.toBe(0)
  })

  it('reserves nothing while no segment is free, and hasRoomFor says so', () => {
    const ring = new TestRing()
    for (let number = 0; number < LAYOUT.segmentCount; number++) expect(ring.write(number, 4096)).toBe(true)
    expect(ring.writer.hasRoomFor(1)).toBe(false)
    expect(ring.writer.reserve(1)).toBeUndefined()
    expect(ring.writer.reserve(1)).toBeUndefined()
    expect(ring.writer.hasRoomFor(0)).toBe(true)
    ring.reader.giveBack(5)
    expect(ring.writer.hasRoomFor(1)).toBe(true)
    expect(ring.writer.reserve(1)).toBe(LAYOUT.framesStart + 5 * LAYOUT.segmentBytes)
  })

  it('throws for frames larger than a segment, and for a segment given back twice', () => {
    const ring = new TestRing()
    expect(() => ring.writer.reserve(4097)).toThrow(/frames of 4097 bytes, segment 4096/)
    expect(() => ring.reader.giveBack(3)).toThrow(/segment 3 given back/)
  })

  it.each(STARTS)('tells when the descriptors are full, positions from %i', start => {
    const ring = new TestRing(start)
    for (let lap = 0; lap < 3; lap++) {
      for (let count = 0; count < LAYOUT.descriptorCount; count++) {
        if (!ring.writer.hasRoomForDescriptor()) expect.fail(`full after ${count}`)
        ring.describe(count, 0)
      }
      expect(ring.writer.hasRoomForDescriptor()).toBe(false)
      ring.writer.publish()
      for (let count = 0; count < LAYOUT.descriptorCount; count++)
        if (ring.read() !== count) expect.fail(`another descriptor in place of ${count}`)
      expect(ring.writer.hasRoomForDescriptor()).toBe(false)
      ring.reader.release()
      expect(ring.writer.hasRoomForDescriptor()).toBe(true)
    }
  })

  it.each(STARTS)('counts the turns ahead of the transmitter, positions from %i', start => {
    const ring = new TestRing(start)
    for (let turn = 0; turn < 12; turn++) {
      expect(ring.writer.turnsAhead()).toBe(0)
      ring.writer.turnPublished()
      ring.writer.turnPublished()
      expect(ring.writer.turnsAhead()).toBe(2)
      ring.reader.turnConsumed()
      expect(ring.writer.turnsAhead()).toBe(1)
      ring.reader.turnConsumed()
    }
  })

  it.each(STARTS)('prepares the ring for a successor, positions from %i', start => {
    const ring = new TestRing(start)
    for (let number = 1; number <= 3; number++) ring.write(number, 4096)
    ring.writer.publish()
    ring.writer.turnPublished()
    // Taken, and described without being published: both end with the lane.
    ring.write(4, 4096)
    ring.writer.reserve(1)
    expect([ring.read(), ring.read(), ring.read(), ring.read()]).toEqual([1, 2, 3, 'nothing'])
    ring.reader.release()

    ring.reader.resetAfterLane(new Set([0, 2]))
    expect(ring.reader.freeSegments()).toBe(6)
    ring.writer = new FrameRingWriter(ring.memory, LAYOUT)
    expect(ring.writer.turnsAhead()).toBe(0)
    const segments = []
    for (let number = 10; number < 16; number++) {
      expect(ring.write(number, 4096)).toBe(true)
      ring.writer.publish()
      expect(ring.read()).toBe(number)
      segments.push(ring.last.segment)
    }
    expect(segments.sort()).toEqual([1, 3, 4, 5, 6, 7])
    expect(ring.writer.hasRoomFor(1)).toBe(false)
    // What clients still hold of the lane before was left alone.
    expect(findTorn(ring.writer.bytes, LAYOUT.framesStart, 4096, 1)).toBe(-1)
    expect(findTorn(ring.writer.bytes, LAYOUT.framesStart + 2 * LAYOUT.segmentBytes, 4096, 3)).toBe(-1)
    ring.reader.giveBack(2)
    expect(ring.writer.hasRoomFor(1)).toBe(true)
  })
})

describe('the frame ring between threads', () => {
  afterEach(terminateThreads)

  interface Held {
    readonly segment: number
    readonly frames: { number: number; start: number; length: number }[]
  }

  /**
   * Takes what a lane's thread writes, keeps some segments for a while, and checks every frame when it is read and once more
   * when its segment is due to go back.
   *
   * @param giveBackTooEarly gives segments back before that last check, as a main thread that forgets its clients would
   * @returns what was found wrong, at most ten of it
   */
  async function receive(start: number, frames: number, giveBackTooEarly = false): Promise<string[]> {
    const ring = new TestRing(start)
    const { reader } = ring
    const bytes = new Uint8Array(ring.memory)
    const wakeUp = new MainWakeUp(ring.control)
    const { port1, port2 } = new MessageChannel()
    const wrong: string[] = []
    const held: Held[] = []
    let expected = 1
    const task: FrameWriterTask = {
      memory: ring.memory,
      layout: LAYOUT,
      bell: port2,
      frames,
      frameBytesMax: 1500,
      turnFrames: 7,
    }
    const thread = startThread('frame-writer', task, [port2])

    const check = ({ number, start, length }: Held['frames'][number]): void => {
      const torn = findTorn(bytes, start, length, number)
      if (torn >= 0 && wrong.length < 10) wrong.push(`frame ${number} is torn at byte ${torn}`)
    }
    const letGo = (): void => {
      // Any but the newest, which the lane still fills; which one depends on how far we are.
      const [oldest] = held.splice(patternLength(expected, held.length - 2), 1)
      for (const frame of oldest!.frames) check(frame)
      if (!giveBackTooEarly) reader.giveBack(oldest!.segment)
      wakeUp.wakeLane()
    }
    const take = (): void => {
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next.kind === TURN_END) reader.turnConsumed()
        else if (next.kind === AUDIENCE_FRAMES) {
          const { audience, lastOffset, length, segment, start } = next
          if (audience !== expected || lastOffset !== expected)
            wrong.push(`frame ${audience} in place of ${expected}`)
          expected++
          if (held.at(-1)?.segment !== segment) {
            if (giveBackTooEarly && held.length > 0) reader.giveBack(held.at(-1)!.segment)
            held.push({ segment, frames: [] })
          }
          const frame = { number: audience, start, length }
          held.at(-1)!.frames.push(frame)
          check(frame)
        }
        while (held.length > 5) letGo()
      }
      reader.release()
      wakeUp.wakeLane()
    }

    port1.on('message', () => {
      do take()
      while (wakeUp.sleepUnless(() => reader.hasNext()))
    })
    wakeUp.sleepUnless(() => false)
    const closed = once(port1, 'close')
    await reportOf(thread)
    await closed
    take()
    expect(expected).toBe(frames + 1)
    return wrong
  }

  it.each([
    [0, 40_000],
    [2 ** 31 - 10_000, 20_000],
    [-3000, 10_000],
  ])('keeps every byte until its segment is given back, positions from %i', async (start, frames) => {
    expect(await receive(start, frames)).toEqual([])
  })

  it('is tested by a main thread that notices a segment given back too early', async () => {
    expect((await receive(0, 5000, true))[0]).toMatch(/^frame \d+ is torn at byte \d+$/)
  })
})
