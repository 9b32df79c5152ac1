/** A lane without ticks: writes numbered frames into a frame ring, waits for room and for its turns as a lane does. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { AudienceDescriptor } from '../../../src/memory/audience-descriptor.js'
import { CONTROL_BYTES } from '../../../src/memory/control-words.js'
import type { FrameDescriptor } from '../../../src/memory/frame-descriptor.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import type { LaneLayout } from '../../../src/memory/lane-layout.js'
import { LaneWakeUp } from '../../../src/memory/lane-wake-up.js'
import { TurnEndDescriptor } from '../../../src/memory/turn-descriptor.js'
import { patternLength, writePattern } from '../pattern.js'

export interface FrameWriterTask {
  readonly memory: SharedArrayBuffer
  readonly layout: LaneLayout
  readonly bell: MessagePort
  readonly frames: number
  readonly frameBytesMax: number
  /** Frames in one turn. */
  readonly turnFrames: number
}

const task = workerData as FrameWriterTask
const ring = new FrameRingWriter(task.memory, task.layout)
const wakeUp = new LaneWakeUp(new Int32Array(task.memory, 0, CONTROL_BYTES / 4), task.bell)
const frames = new AudienceDescriptor()
const turnEnd = new TurnEndDescriptor()
const waits = { segment: 0, descriptor: 0, turn: 0 }

function waitFor(what: keyof typeof waits, isThere: () => boolean): void {
  while (!isThere()) {
    waits[what]++
    ring.publish()
    wakeUp.wakeMain()
    wakeUp.waitUnless(isThere)
  }
}

function describe(descriptor: FrameDescriptor): void {
  waitFor('descriptor', () => ring.hasRoomForDescriptor())
  ring.describe(descriptor)
}

for (let number = 1; number <= task.frames; number++) {
  const length = 1 + patternLength(number, task.frameBytesMax - 1)
  waitFor('segment', () => ring.hasRoomFor(length))
  writePattern(ring.bytes, ring.reserve(length)!, length, number)
  describe(Object.assign(frames, { length, audience: number, lastOffset: number }))
  if (number % task.turnFrames !== 0 && number !== task.frames) continue
  describe(turnEnd)
  waitFor('turn', () => ring.turnsAhead() < 2)
  ring.countTurn()
  ring.publish()
  wakeUp.wakeMain()
}
parentPort!.postMessage(waits)
task.bell.close()
