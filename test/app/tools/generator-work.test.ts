import { describe, expect, it } from 'vitest'
import { GeneratorWork, type WorkReading } from '../../../src/app/tools/generator-work.js'

/** Adds up what the thread does. */
function stage(tellsRunnable = true) {
  const now = { atMs: 0, active: 0, idle: 0, runnableMs: 0 }
  const read = (): WorkReading => ({
    atMs: now.atMs,
    loop: { active: now.active, idle: now.idle },
    runnableMs: tellsRunnable ? now.runnableMs : undefined,
  })
  const work = new GeneratorWork(read)
  return {
    work,
    /** @param runnable share of the time in which the thread ran or waited for a processor */
    pass: (ms: number, active: number, runnable = active) => {
      now.atMs += ms
      now.active += active * ms
      now.idle += (1 - active) * ms
      now.runnableMs += runnable * ms
      work.look()
    },
  }
}

describe('how busy a generator is', () => {
  it('is told of the whole time, and of the busiest second', () => {
    const { pass, work } = stage()
    for (const active of [0.2, 0.2, 0.2, 0.2, 1, 1, 1, 1, 0, 0, 0, 0]) pass(250, active)
    const { mean, peak } = work.shares()
    expect(mean).toBeCloseTo(0.4)
    expect(peak).toBeCloseTo(1)
  })

  it('counts the time in which the thread waited for a processor, though its loop says that it was idle', () => {
    const { pass, work } = stage()
    pass(1000, 0.3, 0.97)
    expect(work.shares()).toEqual({ mean: 0.97, peak: 0.97 })
  })

  it('is that of the event loop where the system tells no more', () => {
    const { pass, work } = stage(false)
    pass(500, 0.5)
    expect(work.shares()).toEqual({ mean: 0.5, peak: 0.5 })
  })
})
