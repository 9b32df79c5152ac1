import { expect, it } from 'vitest'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import type { FrameDescriptor } from '../../src/memory/frame-descriptor.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { AWAIT_FLUSH, LIVE, MORE, ReplyDescriptor, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import { PACED, PROMPT, TurnBeginDescriptor, TurnEndDescriptor } from '../../src/memory/turn-descriptor.js'

const LAYOUT = laneLayout(32 * 1024, 2048, 0)

const INT32_MAX = 2 ** 31 - 1
const OFFSET = 2 ** 53 - 1
const PLACE = { serial: OFFSET - 3, offset: OFFSET, epoch: 2 ** 31 - 2 }
const MEMBER = {
  ...PLACE,
  ticksTotal: 2 ** 52 + 1,
  lostTotal: 2 ** 40,
  unknownLosses: 5,
  statusNumber: 7,
  symbolsLookedAt: 65_536,
  symbolsMatched: 65_535,
}
const REPLAY = {
  ...PLACE,
  seq: OFFSET - 1,
  replayStart: OFFSET - 2,
  reached: OFFSET - 3,
  replayTicks: 2 ** 52 + 1,
  statusNumber: 7,
}
const PART = { length: 77, client: INT32_MAX, request: INT32_MAX - 1, messages: 3, ticks: 6 }
const AUDIENCE = {
  length: 77,
  audience: INT32_MAX,
  messages: 3,
  ticks: 6,
  group: 7,
  unknownLosses: 5,
  ticksTotal: OFFSET,
  epoch: INT32_MAX - 2,
  lastSerial: 2 ** 51 + 1,
  lastOffset: 2 ** 52 + 1,
  lostTotal: 2 ** 40,
  receivedUs: 1_723_161_255_088_169,
  statusNumber: OFFSET - 1,
}
const replyWith = (fields: Partial<ReplyDescriptor>) => Object.assign(new ReplyDescriptor(), PART, fields)
const DESCRIPTORS: readonly (readonly [string, () => FrameDescriptor])[] = [
  ['frames of an audience', () => Object.assign(new AudienceDescriptor(), AUDIENCE)],
  ['a reply that lets a client in', () => replyWith({ ...MEMBER, outcome: LIVE })],
  ['a reply after which a client waits', () => replyWith({ ...MEMBER, outcome: AWAIT_FLUSH, isLast: false })],
  ['a later part of a reply', () => replyWith({ outcome: UNCHANGED, isLast: false })],
  ['a part of a replay', () => replyWith({ ...REPLAY, outcome: MORE })],
  ['the beginning of a paced turn', () => Object.assign(new TurnBeginDescriptor(), { pace: PACED })],
  ['the beginning of a prompt turn', () => Object.assign(new TurnBeginDescriptor(), { pace: PROMPT })],
  ['the end of a turn', () => new TurnEndDescriptor()],
]

it.each(DESCRIPTORS)('a descriptor of %s carries every field through the ring', (_, create) => {
  const memory = new SharedArrayBuffer(LAYOUT.totalBytes)
  const reader = new FrameRingReader(memory, LAYOUT)
  const writer = new FrameRingWriter(memory, LAYOUT)
  for (let round = 0; round < 20; round++) {
    const start = writer.reserve(77)!
    const written = create()
    writer.describe(written)
    writer.publish()
    const segment = Math.floor((start - LAYOUT.framesStart) / LAYOUT.segmentBytes)
    expect({ ...reader.next() }).toEqual({ ...written, segment, start })
  }
})
