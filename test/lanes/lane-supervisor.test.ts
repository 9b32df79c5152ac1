import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/common/log.js'
import type { LaneAssignment, LaneRun } from '../../src/lanes/lane-pool.js'
import { LaneSupervisor, type Quarantine, type SupervisedLane } from '../../src/lanes/lane-supervisor.js'
import { FakeClock } from '../support/fake-clock.js'

const HANG_TIMEOUT_MS = 1000

class FakeLane implements SupervisedLane {
  isAsleep = true
  progress = 0
  currentTick = 0
  currentClient = 0
  isTransmitted = true
  isStopping = false
  committedOffset = 0
  readonly state = {
    committed: () => ({ serial: this.committedOffset, offset: this.committedOffset, epoch: 0 }),
  } as unknown as SupervisedLane['state']

  setStop(isStopping: boolean): void {
    this.isStopping = isStopping
  }
}

/** Lives of lanes that end when the test says so. */
class FakePool {
  readonly threads: number[] = []
  readonly lives: { readonly lane: number; readonly quarantine: Quarantine; end(): Promise<void> }[] = []
  terminated = 0
  isDestroyed = false

  startThreads(lanes: readonly number[]): void {
    this.threads.push(...lanes)
  }

  run({ lane, quarantinedTicks, quarantinedClients }: LaneAssignment): LaneRun {
    let resolve!: (error: Error) => void
    const ended = new Promise<Error>(done => {
      resolve = done
    })
    const end = async (): Promise<void> => {
      resolve(new Error('the test ends it'))
      await new Promise(setImmediate)
    }
    this.lives.push({ lane, quarantine: { quarantinedTicks, quarantinedClients }, end })
    return { ended, terminate: () => void this.terminated++ }
  }

  async destroy(): Promise<void> {
    this.isDestroyed = true
    await Promise.all(this.lives.map(({ end }) => end()))
  }
}

let clock: FakeClock
let pool: FakePool
let lanes: FakeLane[]
let events: string[]
let unread: Set<number>
let beat: (nowMs: number) => void
let supervisor: LaneSupervisor

beforeEach(() => begin(1))

function begin(laneCount: number): void {
  clock = new FakeClock()
  pool = new FakePool()
  lanes = Array.from({ length: laneCount }, () => new FakeLane())
  events = []
  unread = new Set()
  supervisor = new LaneSupervisor({
    lanes,
    pool,
    laneHangTimeoutMs: HANG_TIMEOUT_MS,
    clock,
    patience: {
      nowMs: () => clock.nowMs(),
      onBeat: listener => {
        beat = listener
      },
    },
    log: { ...silentLog, error: (_, message) => void events.push(message) },
    assignmentOf: (lane, quarantine) => ({ lane, ...quarantine }) as unknown as LaneAssignment,
    hasWork: lane => unread.has(lane),
    failed: (lane, error) => void events.push(`${lane} failed: ${error.message}`),
    clientQuarantined: client => void events.push(`client ${client} is quarantined`),
    replacing: lane => void events.push(`${lane} is replaced`),
  })
}

/** Ends the newest life. What it published has been transmitted at once. */
async function crash(): Promise<void> {
  await pool.lives.at(-1)!.end()
  supervisor.replaceEnded()
}

describe('a lane that fails', () => {
  it('is told once, and replaced when its last frames have been transmitted', async () => {
    lanes[0]!.isTransmitted = false
    await crash()
    const failure = '0 failed: lane 0 failed: the test ends it'
    expect([supervisor.areAllRunning, events, pool.lives.length]).toEqual([false, [failure], 1])
    lanes[0]!.isTransmitted = true
    supervisor.replaceEnded()
    expect([supervisor.areAllRunning, events, pool.lives.length]).toEqual([
      true,
      [failure, '0 is replaced'],
      2,
    ])
    supervisor.replaceEnded()
    expect(pool.lives).toHaveLength(2)
  })

  it('does not touch the others', async () => {
    begin(3)
    await pool.lives[1]!.end()
    supervisor.replaceEnded()
    expect(pool.lives.map(({ lane }) => lane)).toEqual([0, 1, 2, 1])
  })

  it('is replaced at once three times, and later after a delay', async () => {
    for (let failures = 1; failures <= 3; failures++) {
      await crash()
      expect(pool.lives).toHaveLength(failures + 1)
    }
    await crash()
    supervisor.replaceEnded()
    expect(pool.lives).toHaveLength(4)
    clock.advance(49)
    expect(pool.lives).toHaveLength(4)
    clock.advance(1)
    expect(pool.lives).toHaveLength(5)
  })

  it('is replaced at once after a life of more than ten seconds', async () => {
    for (let failures = 1; failures <= 3; failures++) await crash()
    clock.advance(10_001)
    await crash()
    expect(pool.lives).toHaveLength(5)
  })
})

describe('a successor', () => {
  it('skips the tick at which two lives in a row have ended', async () => {
    lanes[0]!.committedOffset = 2 ** 32 - 1
    lanes[0]!.currentTick = 2
    await crash()
    expect(pool.lives.at(-1)!.quarantine).toEqual({ quarantinedTicks: [], quarantinedClients: [] })
    await crash()
    expect(pool.lives.at(-1)!.quarantine).toEqual({
      quarantinedTicks: [2 ** 32 + 2],
      quarantinedClients: [],
    })
  })

  it('does not serve the client at whose requests two lives in a row have ended', async () => {
    lanes[0]!.currentClient = 7
    await crash()
    expect(events).not.toContain('client 7 is quarantined')
    await crash()
    expect(events).toContain('client 7 is quarantined')
    expect(pool.lives.at(-1)!.quarantine).toEqual({ quarantinedTicks: [], quarantinedClients: [7] })
  })

  it('serves a client at whose requests two lives have ended by chance, long after each other', async () => {
    lanes[0]!.currentClient = 7
    await crash()
    clock.advance(10_000 + HANG_TIMEOUT_MS + 1)
    await crash()
    expect(events).not.toContain('client 7 is quarantined')
  })

  it('is replaced at once when the crash before it has quarantined the cause', async () => {
    for (const currentTick of [1, 2, 3, 3]) {
      lanes[0]!.currentTick = currentTick
      await crash()
    }
    expect(pool.lives).toHaveLength(5)
  })
})

describe('a lane that has work and does not move', () => {
  it('is ended after the timeout, and once for each timeout', () => {
    lanes[0]!.isAsleep = false
    unread.add(0)
    beat(HANG_TIMEOUT_MS - 1)
    expect(pool.terminated).toBe(0)
    beat(HANG_TIMEOUT_MS)
    expect([pool.terminated, events]).toEqual([1, ['a lane hangs and is ended']])
    beat(2 * HANG_TIMEOUT_MS - 1)
    expect(pool.terminated).toBe(1)
    beat(2 * HANG_TIMEOUT_MS)
    expect(pool.terminated).toBe(2)
  })

  it('is not ended while it sleeps or has read everything', () => {
    unread.add(0)
    for (let beats = 1; beats <= 5; beats++) beat(beats * HANG_TIMEOUT_MS)
    lanes[0]!.isAsleep = false
    unread.clear()
    for (let beats = 6; beats <= 10; beats++) beat(beats * HANG_TIMEOUT_MS)
    expect(pool.terminated).toBe(0)
  })
})

describe('a stop', () => {
  it('tells each lane to end, and ends the threads of those that do not', async () => {
    begin(2)
    const stopped = supervisor.stop()
    expect(lanes.map(({ isStopping }) => isStopping)).toEqual([true, true])
    await pool.lives[0]!.end()
    expect(pool.isDestroyed).toBe(false)
    await clock.pass(1250, 250)
    expect(pool.isDestroyed).toBe(true)
    await stopped
    expect([events, clock.timerCount]).toEqual([[], 0])
  })

  it('starts no further group of lanes', async () => {
    begin(200)
    const livesBefore = pool.lives.length
    expect(livesBefore).toBeLessThan(200)
    const stopped = supervisor.stop()
    await clock.pass(1250, 250)
    await stopped
    expect(pool.lives).toHaveLength(livesBefore)
  })

  it('replaces no lane, also one that waits for its delay', async () => {
    for (let failures = 1; failures <= 4; failures++) await crash()
    const livesBefore = pool.lives.length
    await supervisor.stop()
    clock.advance(10_000)
    supervisor.replaceEnded()
    expect(pool.lives).toHaveLength(livesBefore)
  })

  it('tells for how long a lane has been failing, until one has run for a healthy while', async () => {
    expect(supervisor.troubleMs).toBe(0)
    for (let life = 0; life < 3; life++) {
      clock.advance(1_000)
      await pool.lives.at(-1)!.end()
      supervisor.replaceEnded()
    }
    expect(supervisor.troubleMs).toBe(2_000)
    clock.advance(10_000)
    expect(supervisor.troubleMs).toBe(12_000)
    clock.advance(1)
    expect(supervisor.troubleMs).toBe(0)
    await pool.lives.at(-1)!.end()
    clock.advance(500)
    expect(supervisor.troubleMs).toBe(500)
  })
})
