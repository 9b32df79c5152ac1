/**
 * A frame ring in one thread, with numbered frames whose bytes a test can check.
 */
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import {
  CONTROL_BYTES,
  DESCRIPTOR_HEAD,
  DESCRIPTOR_TAIL,
  FREE_HEAD,
  FREE_TAIL,
  TURNS_CONSUMED,
  TURNS_PUBLISHED,
} from '../../src/memory/control-words.js'
import { AUDIENCE_FRAMES } from '../../src/memory/frame-descriptor.js'
import { type AnyDescriptor, FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { findTorn, writePattern } from './pattern.js'

const RECORD_BYTES_MAX = 2048
/** 8 segments of 4 KiB. */
export const LAYOUT = laneLayout(32 * 1024, RECORD_BYTES_MAX, 0)

/** A frame ring whose counters all begin at `start`. */
export class TestRing {
  readonly memory = new SharedArrayBuffer(LAYOUT.totalBytes)
  readonly control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4)
  readonly reader: FrameRingReader
  writer: FrameRingWriter
  /** The descriptor that was read last. */
  last!: AnyDescriptor
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
