/** A lane without ticks: writes numbered frames into a frame ring, waits for room and for its turns as a lane does. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { CONTROL_BYTES } from '../../../src/memory/control-words.js'
import { AUDIENCE_FRAMES, FrameDescriptor, TURN_END } from '../../../src/memory/frame-descriptor.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import type { LaneLayout } from '../../../src/memory/lane-layout.js'
import { LaneWakeUp } from '../../../src/memory/lane-wake-up.js'
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
const descriptor = new FrameDescriptor()
const waits = { segment: 0, descriptor: 0, turn: 0 }

function waitFor(what: keyof typeof waits, isThere: () => boolean): void {
  while (!isThere()) {
    waits[what]++
    ring.publish()
    wakeUp.wakeMain()
    wakeUp.waitUnless(isThere)
  }
}

function describe(kind: number, length: number, number: number): void {
  waitFor('descriptor', () => ring.hasRoomForDescriptors(1))
  descriptor.kind = kind
  descriptor.length = length
  descriptor.target = number
  descriptor.lastOffset = number
  ring.describe(descriptor)
}

for (let number = 1; number <= task.frames; number++) {
  const length = 1 + patternLength(number, task.frameBytesMax - 1)
  waitFor('segment', () => ring.hasRoomFor(length))
  writePattern(ring.bytes, ring.reserve(length)!, length, number)
  describe(AUDIENCE_FRAMES, length, number)
  if (number % task.turnFrames !== 0 && number !== task.frames) continue
  describe(TURN_END, 0, number)
  waitFor('turn', () => ring.turnsAhead() < 2)
  ring.turnPublished()
  ring.publish()
  wakeUp.wakeMain()
}
parentPort!.postMessage(waits)
task.bell.close()
