import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import {
  COMMAND_HEAD,
  COMMAND_HEADER_BYTES,
  COMMAND_TAIL,
  COMMAND_UNIT_BYTES,
  commandUnits,
} from '../../src/memory/command-ring-layout.js'
import { CommandRingMemory, commandRingBytes } from '../../src/memory/command-ring-memory.js'
import { CommandRingReader } from '../../src/memory/command-ring-reader.js'
import { CommandRingWriter } from '../../src/memory/command-ring-writer.js'
import { advance, distance } from '../../src/memory/ring-position.js'
import { findTorn, writePattern } from '../support/pattern.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import type { CommandReaderReport, CommandReaderTask } from '../support/threads/command-ring-reader.js'

const PAYLOAD_BYTES_MAX = 104
const CAPACITY_UNITS = 32

/** A ring of 256 bytes whose positions begin at `start`. */
class TestRing {
  readonly memory = new SharedArrayBuffer(commandRingBytes(PAYLOAD_BYTES_MAX))
  readonly writer: CommandRingWriter
  readonly reader: CommandRingReader

  constructor(start = 0) {
    const header = new Int32Array(this.memory)
    header[COMMAND_HEAD] = start
    header[COMMAND_TAIL] = start
    this.writer = new CommandRingWriter(this.memory)
    this.reader = new CommandRingReader(this.memory)
  }

  write(number: number, length: number): boolean {
    const payload = new Uint8Array(length)
    writePattern(payload, 0, length, number)
    return this.writer.tryWrite(payload, number)
  }

  /** Takes one command, after a check that it is whole. @returns its number; -1: there is none */
  take(reader = this.reader): number {
    if (!reader.hasNext()) return -1
    const { afterPosition } = reader
    const payload = reader.payload()
    if (findTorn(payload, 0, payload.length, afterPosition) >= 0) return -2
    reader.release()
    return afterPosition
  }
}

/** Positions to begin at: one lap around 0 and around the point where positions wrap. */
const STARTS = [-CAPACITY_UNITS / 2, 2 ** 31 - CAPACITY_UNITS / 2].flatMap(first =>
  Array.from({ length: CAPACITY_UNITS }, (_, unit) => (first + unit) | 0),
)

describe('the command ring', () => {
  it('holds as many units as its layout says', () => {
    expect(new CommandRingMemory(new TestRing().memory).capacityUnits).toBe(CAPACITY_UNITS)
  })

  it('takes the longest command whenever it is empty, wherever its head is', () => {
    for (const start of STARTS) {
      const ring = new TestRing(start)
      expect(ring.write(1, PAYLOAD_BYTES_MAX)).toBe(true)
      expect([ring.take(), ring.take()]).toEqual([1, -1])
      expect(ring.writer.isEmpty).toBe(true)
    }
  })

  it('refuses a command for which the reader leaves no room, and takes it when that has gone on', () => {
    for (const start of STARTS) {
      const ring = new TestRing(start)
      let written = 0
      while (ring.write(written + 1, 8)) written++
      expect(written).toBeGreaterThanOrEqual(CAPACITY_UNITS / commandUnits(8) - 1)
      expect(ring.writer.isEmpty).toBe(false)
      for (let number = 1; number <= 20; number++) {
        expect(ring.take()).toBe(number)
        expect(ring.write(++written, 8)).toBe(true)
        expect(ring.write(0, PAYLOAD_BYTES_MAX)).toBe(false)
      }
    }
  })

  it('keeps the next command until that is released, so that another reader finds it, too', () => {
    const ring = new TestRing(30)
    ring.write(1, 10)
    ring.write(2, 20)
    expect(ring.reader.hasNext()).toBe(true)
    const successor = new CommandRingReader(ring.memory)
    expect([ring.take(successor), ring.take(successor), ring.take(successor)]).toEqual([1, 2, -1])
  })

  it('is empty for a successor when it was cleared', () => {
    const ring = new TestRing(5)
    ring.write(1, 60)
    ring.write(2, 60)
    expect(ring.take()).toBe(1)
    ring.writer.clear()
    const successor = new CommandRingReader(ring.memory)
    expect(ring.take(successor)).toBe(-1)
    expect(ring.write(3, PAYLOAD_BYTES_MAX)).toBe(true)
    expect(ring.take(successor)).toBe(3)
  })

  it('throws, with the values, for a command that is too long', () => {
    expect(() => new TestRing().write(1, 121)).toThrow(/command of 121 bytes, at most 120/)
  })

  it('behaves like a bounded queue, whatever is done in whatever order', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ length: fc.nat(PAYLOAD_BYTES_MAX) }) },
      { weight: 3, arbitrary: fc.constant('take' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.constantFrom(...STARTS)),
        fc.array(step, { maxLength: 200 }),
        (start, steps) => {
          const ring = new TestRing(start)
          let { reader } = ring
          // The model: the commands in the ring, and where the last one of each ends.
          const queued: { readonly number: number; readonly end: number }[] = []
          let head = start
          let tail = start
          let number = 0
          for (const step of steps) {
            if (step === 'take') {
              const next = queued.shift()
              expect(ring.take(reader)).toBe(next?.number ?? -1)
              tail = next?.end ?? tail
            } else if (step === 'clear') {
              ring.writer.clear()
              reader = new CommandRingReader(ring.memory)
              queued.length = 0
              tail = head
            } else {
              const units = Math.ceil((COMMAND_HEADER_BYTES + step.length) / COMMAND_UNIT_BYTES)
              const toEnd = CAPACITY_UNITS - (head & (CAPACITY_UNITS - 1))
              const taken = units > toEnd ? toEnd + units : units
              const fits = distance(tail, head) + taken <= CAPACITY_UNITS
              expect(ring.write(++number, step.length)).toBe(fits)
              if (!fits) continue
              head = advance(head, taken)
              queued.push({ number, end: head })
            }
            expect(ring.writer.isEmpty).toBe(queued.length === 0)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('the command ring between threads', () => {
  afterEach(terminateThreads)

  async function run(publishedTooEarly: number): Promise<CommandReaderReport> {
    const commands = 20_000
    const ring = new TestRing(2 ** 31 - 1000)
    const header = new Int32Array(ring.memory)
    const task: CommandReaderTask = { memory: ring.memory, commands }
    const report = reportOf<CommandReaderReport>(startThread('command-ring-reader', task))
    for (let number = 1; number <= commands; number++) {
      const length = (number * 31) % (PAYLOAD_BYTES_MAX + 1)
      if (number === publishedTooEarly) {
        // As a writer with its stores in the wrong order would.
        Atomics.store(header, COMMAND_HEAD, advance(Atomics.load(header, COMMAND_HEAD), commandUnits(length)))
        break
      }
      while (!ring.write(number, length)) {
        // Time for the reader, which is another thread.
        await new Promise(setImmediate)
      }
    }
    return report
  }

  it('brings every command to another thread, once, in order and whole', async () => {
    expect(await run(0)).toEqual({ commands: 20_000, error: '' })
  })

  it('is tested by a reader that notices a command published before its bytes', async () => {
    const { commands, error } = await run(500)
    expect(commands).toBe(499)
    expect(error).not.toBe('')
  })
})
