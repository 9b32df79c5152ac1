/**
 * The tests of memory-given-back.test.ts, the long way, and the memory of a whole process.
 */
import './memory-given-back.test.js'
import { expect, it } from 'vitest'
import { Ringcast } from '../support/ringcast-process.js'
import { rssMiB, wave } from '../support/wave.js'

const WAVES = 20
const SIZE = { clients: 100, symbols: 900 }
const GROWTH_MAX = 1.1
/**
 * The first waves fill the rings, which are small here, and bring the heaps of both threads to their size. V8 collects garbage the
 * later the more room it has, so the heaps get a bound: what clients leave behind would soon not fit.
 */
const WARM_UP_WAVES = 3
const HEAP_MIB_MAX = 96
const ENV = {
  NODE_OPTIONS: `--max-semi-space-size=4 --max-old-space-size=${HEAP_MIB_MAX}`,
  RINGCAST_TICK_LOG_BYTES: String(1 << 20),
  RINGCAST_FRAME_RING_BYTES: String(4 << 20),
  RINGCAST_TURN_BYTES_MAX: String(64 << 10),
  RINGCAST_LATEST_BYTES: String(1 << 20),
  // Waves follow one another at once.
  RINGCAST_ADDRESS_WORK_PER_SECOND: String(1 << 30),
  RINGCAST_TOTAL_WORK_PER_SECOND: String(1 << 30),
}

it('a process is not larger after twenty waves of clients than after the first ones', async () => {
  const ringcast = new Ringcast([], { env: ENV })
  const sizes: number[] = []
  try {
    for (let round = 0; round < WARM_UP_WAVES + WAVES; round++) {
      await wave(ringcast, round, SIZE)
      sizes.push(rssMiB(ringcast))
    }
  } finally {
    await ringcast.kill('SIGKILL')
  }
  const before = Math.max(...sizes.slice(0, WARM_UP_WAVES))
  const after = Math.max(...sizes.slice(WARM_UP_WAVES))
  expect(after, `MiB after each wave: ${sizes.map(Math.round)}`).toBeLessThanOrEqual(GROWTH_MAX * before)
})
