import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CONTROL_BYTES, LANE_ASLEEP, MAIN_ASLEEP, WAKE_UPS } from '../../src/memory/control-words.js'
import { ASLEEP, ASLEEP_FOR_ROOM, AWAKE, LaneWakeUp, MainWakeUp } from '../../src/memory/lane-wake-up.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import { PING, PONG, type WakingLaneTask } from '../support/threads/waking-lane.js'

const TRIES = 10_000
/** Up to 40 times as many wake-ups take about as long as one sleep, so that some come while the lane goes to sleep again. */
const WAKE_UPS_STEP = 50

/** Both sides over one memory; messages to the main thread are counted. */
function bothSides() {
  const memory = new SharedArrayBuffer(CONTROL_BYTES)
  const control = new Int32Array(memory)
  const messages = { count: 0 }
  const port = { postMessage: () => void messages.count++ } as unknown as MessagePort
  return { memory, control, messages, lane: new LaneWakeUp(control, port), main: new MainWakeUp(control) }
}

afterEach(() => {
  vi.restoreAllMocks()
  return terminateThreads()
})

describe('a lane', () => {
  /**
   * Calls `between` before access number `step` of the lane to shared memory. Its look for work counts as an access.
   *
   * @returns the count of accesses
   */
  function waitInterrupted(
    step: number,
    sides: ReturnType<typeof bothSides>,
    between: () => void,
    { flag = ASLEEP, hasWork = (): boolean => false } = {},
  ): number {
    let accesses = 0
    let isInside = false
    const interrupt = (): void => {
      if (isInside) return
      isInside = true
      if (accesses++ === step) between()
      isInside = false
    }
    for (const name of ['load', 'store', 'exchange'] as const) {
      const access = Atomics[name] as unknown as (...args: number[]) => number
      vi.spyOn(Atomics, name).mockImplementation(((...args: number[]) => {
        interrupt()
        return access(...args)
      }) as never)
    }
    vi.spyOn(Atomics, 'wait').mockImplementation(((control: Int32Array, index: number, value: number) => {
      interrupt()
      if (control[index] !== value) return 'not-equal'
      // The lane would sleep for good: the other side wakes it only if it sees the flag.
      if (control[LANE_ASLEEP] === 0) throw new Error(`asleep with the flag down after step ${step}`)
      if (hasWork()) throw new Error(`asleep with work after step ${step}`)
      return 'ok'
    }) as never)
    sides.lane.waitUnless(() => {
      interrupt()
      return hasWork()
    }, flag)
    vi.restoreAllMocks()
    return accesses
  }

  it('is awake after a wake-up, at whatever access to shared memory the wake-up comes', () => {
    const accesses = waitInterrupted(-1, bothSides(), () => {})
    expect(accesses).toBeGreaterThanOrEqual(5)
    for (let step = 0; step < accesses; step++) {
      const sides = bothSides()
      waitInterrupted(step, sides, () => sides.main.wakeLane())
    }
  })

  it.each([
    ['wakeLaneForRoom', ASLEEP_FOR_ROOM],
    ['wakeLaneForTicks', ASLEEP],
    ['wakeLane', ASLEEP],
    ['wakeLane', ASLEEP_FOR_ROOM],
  ] as const)(
    'does not sleep when there is work that %s announces, at whatever access the call comes: state %i',
    (wake, flag) => {
      const accesses = waitInterrupted(-1, bothSides(), () => {}, { flag })
      for (let step = 0; step < accesses; step++) {
        const sides = bothSides()
        let isThere = false
        const between = (): void => {
          isThere = true
          sides.main[wake]()
        }
        waitInterrupted(step, sides, between, { flag, hasWork: () => isThere })
        expect(isThere).toBe(true)
      }
    },
  )

  it('does not sleep when the wake-up comes after the last look for work', () => {
    const sides = bothSides()
    const wait = vi.spyOn(Atomics, 'wait')
    sides.lane.waitUnless(() => {
      sides.main.wakeLane()
      return false
    })
    expect(wait.mock.results.map(({ value }) => value)).toEqual(['not-equal'])
    expect(sides.control[LANE_ASLEEP]).toBe(0)
  })

  it.each([
    [ASLEEP, 1],
    [ASLEEP_FOR_ROOM, 0],
  ])('is woken for ticks only while it waits for ticks: state %i, %i wake-up', (state, wakeUps) => {
    const sides = bothSides()
    const notify = vi.spyOn(Atomics, 'notify')
    sides.control[LANE_ASLEEP] = state
    sides.main.wakeLaneForTicks()
    expect(notify).toHaveBeenCalledTimes(wakeUps)
    sides.control[LANE_ASLEEP] = state
    sides.main.wakeLane()
    expect(notify).toHaveBeenCalledTimes(wakeUps + 1)
  })

  it.each([
    [AWAKE, 0],
    [ASLEEP, 0],
    [ASLEEP_FOR_ROOM, 1],
  ])('is woken for room only while it waits for room: state %i, %i wake-up', (state, wakeUps) => {
    const sides = bothSides()
    const notify = vi.spyOn(Atomics, 'notify')
    sides.control[LANE_ASLEEP] = state
    sides.main.wakeLaneForRoom()
    sides.main.wakeLaneForRoom()
    expect(notify).toHaveBeenCalledTimes(wakeUps)
    expect(sides.control[WAKE_UPS]).toBe(wakeUps)
    expect(sides.control[LANE_ASLEEP]).toBe(wakeUps === 1 ? AWAKE : state)
  })

  it('does not sleep when there is work', () => {
    const sides = bothSides()
    const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('ok')
    sides.lane.waitUnless(() => true)
    expect(wait).not.toHaveBeenCalled()
    expect(sides.control[LANE_ASLEEP]).toBe(0)
  })

  it('is not woken while it is awake', () => {
    const sides = bothSides()
    const notify = vi.spyOn(Atomics, 'notify')
    sides.main.wakeLane()
    expect(notify).not.toHaveBeenCalled()
    expect(sides.control[WAKE_UPS]).toBe(0)
  })

  it('is woken once for each sleep', () => {
    const sides = bothSides()
    sides.control[LANE_ASLEEP] = 1
    sides.main.wakeLane()
    sides.main.wakeLane()
    expect(sides.control[WAKE_UPS]).toBe(1)
  })
})

describe('the main thread', () => {
  it('gets one message for each time it asks', () => {
    const sides = bothSides()
    sides.lane.wakeMain()
    expect(sides.messages.count).toBe(0)
    expect(sides.main.sleepUnless(() => false)).toBe(false)
    sides.lane.wakeMain()
    sides.lane.wakeMain()
    expect(sides.messages.count).toBe(1)
    expect(sides.control[MAIN_ASLEEP]).toBe(0)
  })

  it('gets no message when it found work', () => {
    const sides = bothSides()
    expect(sides.main.sleepUnless(() => true)).toBe(true)
    sides.lane.wakeMain()
    expect(sides.messages.count).toBe(0)
  })

  it('asks for a message before it looks for work', () => {
    const sides = bothSides()
    sides.main.sleepUnless(() => {
      sides.lane.wakeMain()
      return false
    })
    expect(sides.messages.count).toBe(1)
  })
})

describe('two threads', () => {
  it.each([
    ['wakeLane', ASLEEP],
    ['wakeLaneForRoom', ASLEEP_FOR_ROOM],
  ] as const)(
    'wake each other every time, also amid wake-ups without work: %s',
    async (wake, flag) => {
      const { memory, control, main } = bothSides()
      const { port1, port2 } = new MessageChannel()
      const task: WakingLaneTask = { memory, bell: port2, rounds: TRIES, flag }
      const thread = startThread('waking-lane', task, [port2])
      const report = reportOf<number>(thread)
      const isAnswered = (): boolean => Atomics.load(control, PONG) === Atomics.load(control, PING)
      const ping = (): void => {
        const round = Atomics.load(control, PING) + 1
        if (round > TRIES) return
        // While the lane is on its way to sleep.
        for (let count = 0; count < (round % 40) * WAKE_UPS_STEP; count++) main[wake]()
        Atomics.store(control, PING, round)
        main[wake]()
      }
      port1.on('message', () => {
        do if (isAnswered()) ping()
        while (Atomics.load(control, PONG) < TRIES && main.sleepUnless(isAnswered))
      })
      const closed = once(port1, 'close')
      main.sleepUnless(() => false)
      ping()
      // A lost wake-up ends in the test's timeout: nothing else would wake either.
      expect(await report).toBeGreaterThan(TRIES / 10)
      await closed
      expect(control[PONG]).toBe(TRIES)
    },
    10_000,
  )
})
