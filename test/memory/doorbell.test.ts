import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CONTROL_BYTES, LANE_ASLEEP, MAIN_ASLEEP, WAKE_UPS } from '../../src/memory/control-words.js'
import { ASLEEP, ASLEEP_FOR_ROOM, AWAKE, LaneDoorbell, MainDoorbell } from '../../src/memory/doorbell.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'
import { type DoorbellTask, PING, PONG } from '../support/threads/doorbell-lane.js'

const TRIES = 10_000
/** Up to forty times as many rings take about as long as a wake-up, so that some come while the lane goes to sleep again. */
const RINGS_STEP = 50

function doorbells() {
  const memory = new SharedArrayBuffer(CONTROL_BYTES)
  const control = new Int32Array(memory)
  const rung = { count: 0 }
  const port = { postMessage: () => void rung.count++ } as unknown as MessagePort
  return { memory, control, rung, lane: new LaneDoorbell(control, port), main: new MainDoorbell(control) }
}

afterEach(() => {
  vi.restoreAllMocks()
  return terminateThreads()
})

describe('a lane', () => {
  /**
   * Lets `between` happen before the lane's `step`th access to shared memory, its look for work among them.
   *
   * @returns how many accesses there were
   */
  function waitInterrupted(
    step: number,
    bell: ReturnType<typeof doorbells>,
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
      // Asleep for good unless the other side knows: it has to see the flag.
      if (control[LANE_ASLEEP] === 0) throw new Error(`asleep unseen after step ${step}`)
      if (hasWork()) throw new Error(`asleep with work after step ${step}`)
      return 'ok'
    }) as never)
    bell.lane.waitUnless(() => {
      interrupt()
      return hasWork()
    }, flag)
    vi.restoreAllMocks()
    return accesses
  }

  it('never falls asleep unseen, wherever a ring comes in between', () => {
    const accesses = waitInterrupted(-1, doorbells(), () => {})
    expect(accesses).toBeGreaterThanOrEqual(5)
    for (let step = 0; step < accesses; step++) {
      const bell = doorbells()
      waitInterrupted(step, bell, () => bell.main.ringLane())
    }
  })

  it.each([
    ['tellRoom', ASLEEP_FOR_ROOM],
    ['tellLane', ASLEEP],
    ['ringLane', ASLEEP],
    ['ringLane', ASLEEP_FOR_ROOM],
  ] as const)(
    'never sleeps over what %s tells it of, wherever that comes in between: state %i',
    (tell, flag) => {
      const accesses = waitInterrupted(-1, doorbells(), () => {}, { flag })
      for (let step = 0; step < accesses; step++) {
        const bell = doorbells()
        let isThere = false
        const between = (): void => {
          isThere = true
          bell.main[tell]()
        }
        waitInterrupted(step, bell, between, { flag, hasWork: () => isThere })
        expect(isThere).toBe(true)
      }
    },
  )

  it('does not sleep when it is rung after its last look for work', () => {
    const bell = doorbells()
    const wait = vi.spyOn(Atomics, 'wait')
    bell.lane.waitUnless(() => {
      bell.main.ringLane()
      return false
    })
    expect(wait.mock.results.map(({ value }) => value)).toEqual(['not-equal'])
    expect(bell.control[LANE_ASLEEP]).toBe(0)
  })

  it.each([
    [ASLEEP, 1],
    [ASLEEP_FOR_ROOM, 0],
  ])('is told of new ticks where it waits for them: state %i, %i wake-up', (state, wakeUps) => {
    const bell = doorbells()
    const notify = vi.spyOn(Atomics, 'notify')
    bell.control[LANE_ASLEEP] = state
    bell.main.tellLane()
    expect(notify).toHaveBeenCalledTimes(wakeUps)
    bell.control[LANE_ASLEEP] = state
    bell.main.ringLane()
    expect(notify).toHaveBeenCalledTimes(wakeUps + 1)
  })

  it.each([
    [AWAKE, 0],
    [ASLEEP, 0],
    [ASLEEP_FOR_ROOM, 1],
  ])('is told of room where it waits for it: state %i, %i wake-up', (state, wakeUps) => {
    const bell = doorbells()
    const notify = vi.spyOn(Atomics, 'notify')
    bell.control[LANE_ASLEEP] = state
    bell.main.tellRoom()
    bell.main.tellRoom()
    expect(notify).toHaveBeenCalledTimes(wakeUps)
    expect(bell.control[WAKE_UPS]).toBe(wakeUps)
    expect(bell.control[LANE_ASLEEP]).toBe(wakeUps === 1 ? AWAKE : state)
  })

  it('does not sleep when there is work', () => {
    const bell = doorbells()
    const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('ok')
    bell.lane.waitUnless(() => true)
    expect(wait).not.toHaveBeenCalled()
    expect(bell.control[LANE_ASLEEP]).toBe(0)
  })

  it('is not rung while it is awake', () => {
    const bell = doorbells()
    const notify = vi.spyOn(Atomics, 'notify')
    bell.main.ringLane()
    expect(notify).not.toHaveBeenCalled()
    expect(bell.control[WAKE_UPS]).toBe(0)
  })

  it('is rung once for each time it sleeps', () => {
    const bell = doorbells()
    bell.control[LANE_ASLEEP] = 1
    bell.main.ringLane()
    bell.main.ringLane()
    expect(bell.control[WAKE_UPS]).toBe(1)
  })
})

describe('the main thread', () => {
  it('is rung once for each time it asks', () => {
    const bell = doorbells()
    bell.lane.ringMain()
    expect(bell.rung.count).toBe(0)
    expect(bell.main.sleepUnless(() => false)).toBe(false)
    bell.lane.ringMain()
    bell.lane.ringMain()
    expect(bell.rung.count).toBe(1)
    expect(bell.control[MAIN_ASLEEP]).toBe(0)
  })

  it('is not rung when it found work', () => {
    const bell = doorbells()
    expect(bell.main.sleepUnless(() => true)).toBe(true)
    bell.lane.ringMain()
    expect(bell.rung.count).toBe(0)
  })

  it('asks before it looks', () => {
    const bell = doorbells()
    bell.main.sleepUnless(() => {
      bell.lane.ringMain()
      return false
    })
    expect(bell.rung.count).toBe(1)
  })
})

describe('two threads', () => {
  it.each([
    ['ringLane', ASLEEP],
    ['tellRoom', ASLEEP_FOR_ROOM],
  ] as const)(
    'wake each other every time, also amid rings that mean nothing: %s',
    async (tell, flag) => {
      const { memory, control, main } = doorbells()
      const { port1, port2 } = new MessageChannel()
      const task: DoorbellTask = { memory, bell: port2, rounds: TRIES, flag }
      const thread = startThread('doorbell-lane', task, [port2])
      const report = reportOf<number>(thread)
      const isAnswered = (): boolean => Atomics.load(control, PONG) === Atomics.load(control, PING)
      const ping = (): void => {
        const round = Atomics.load(control, PING) + 1
        if (round > TRIES) return
        // While the lane is on its way to sleep.
        for (let ring = 0; ring < (round % 40) * RINGS_STEP; ring++) main[tell]()
        Atomics.store(control, PING, round)
        main[tell]()
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
