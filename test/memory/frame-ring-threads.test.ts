import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { AUDIENCE_FRAMES, TURN_END } from '../../src/memory/frame-descriptor.js'
import { MainWakeUp } from '../../src/memory/lane-wake-up.js'
import { findTorn, patternLength } from '../support/pattern.js'
import { LAYOUT, TestRing } from '../support/test-ring.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import type { FrameWriterTask } from '../support/threads/frame-writer.js'

describe('the frame ring between threads', () => {
  afterEach(terminateThreads)

  interface Held {
    readonly segment: number
    readonly frames: { number: number; start: number; length: number }[]
  }

  /**
   * Takes what a lane's thread writes, keeps some segments for a while, and checks every frame when it is read and once
   * more when its segment is due to go back.
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
      // Any segment but the newest, which the lane still fills. The choice depends on the progress.
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
