import { describe, expect, it, vi } from 'vitest'
import { FOR_COMMAND_ROOM, MAIN_ASLEEP, MAIN_WAITS } from '../../src/memory/control-words.js'
import { TickCollector } from '../../workers/collect/tick-collector.js'
import { AudienceDirectory } from '../../workers/conflate/audience-directory.js'
import { RequestQueue } from '../../workers/transfer/request-queue.js'
import { streamOf } from '../support/lane-messages.js'
import { LaneStage } from '../support/lane-stage.js'
import { checkClient } from '../support/stays.js'

/** How many audiences the lane has opened when it collects the next tick. */
function opensBeforeTick(stage: LaneStage, symbols: readonly string[]): number {
  const open = vi.spyOn(AudienceDirectory.prototype, 'begin')
  const collect = vi.spyOn(TickCollector.prototype, 'collect')
  const opened: number[] = []
  collect.mockImplementation(() => void opened.push(open.mock.calls.length))
  const step = (): void => {
    open.mockClear()
    for (let audience = 100; audience < 200; audience++) {
      stage.open(audience, { symbols })
      stage.audiences.delete(audience)
    }
    stage.tick({})
  }
  stage.run([step])
  expect(open).toHaveBeenCalledTimes(100)
  vi.restoreAllMocks()
  return opened[0]!
}

describe('commands', () => {
  it('let ticks through when each of them is of many known symbols', () => {
    const stage = new LaneStage({ latestBytes: 1 << 20 })
    stage.listen()
    for (let index = 0; index < 3000; index++) stage.tick({ symbol: `S${index}` })
    stage.run()
    expect(opensBeforeTick(stage, ['S*'])).toBe(1)
  })

  it('let ticks through, however many there are, and however long they are', () => {
    expect(opensBeforeTick(new LaneStage(), ['A'])).toBeLessThanOrEqual(16)
    const symbols = Array.from({ length: 200 }, (_, index) => `${index}`.padStart(60, 'S'))
    expect(opensBeforeTick(new LaneStage(), symbols)).toBeLessThanOrEqual(2)
  })

  it('are not taken before the ticks that came before them', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.isBusy = true
    stage.run([
      () => {
        for (let tick = 0; tick < 100; tick++) stage.tick({})
        stage.join(7, 1)
      },
      () => {
        stage.isBusy = false
      },
    ])
    const client = stage.clients.get(7)!
    expect(client.messages).toMatchObject([{ type: 'subscribed', offset: 100 }])
    for (const each of stage.clients.values()) checkClient(stage, each)
  })

  it('do not hold up ticks while the lane has no room for more requests', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    const isFull = vi.spyOn(RequestQueue.prototype, 'isFull', 'get').mockReturnValue(true)
    stage.join(7, 1)
    stage.run([() => void stage.tick({})])
    expect(streamOf(client.messages, 0)).toEqual(['A1'])
    expect(stage.clients.get(7)!.messages).toEqual([])
    isFull.mockRestore()
    stage.run()
    expect(stage.clients.get(7)!.messages).toMatchObject([{ type: 'subscribed', offset: 1 }])
  })

  it('wake the main thread when they are taken while it waits for room', () => {
    const stage = new LaneStage()
    stage.listen()
    const wakes = (): boolean => {
      Atomics.store(stage.control, MAIN_ASLEEP, 1)
      stage.open(2)
      stage.run()
      return Atomics.load(stage.control, MAIN_ASLEEP) === 0
    }
    expect(wakes()).toBe(false)
    Atomics.store(stage.control, MAIN_WAITS, FOR_COMMAND_ROOM)
    expect(wakes()).toBe(true)
  })
})

describe('a commit', () => {
  it('does not wait for requests: the main thread sends those to a successor again', () => {
    const stage = new LaneStage({ turnBytesMax: 1024, scratchBytes: 1 << 14 })
    stage.listen()
    stage.batch(Array.from({ length: 50 }, (_, index) => ({ symbol: `S${index}` })))
    stage.run()
    stage.tick({})
    for (let client = 1; client <= 30; client++) stage.join(client, 1, null, ['*', `S${client}`])
    let committed = 0
    stage.isBusy = true
    stage.run([
      () => {
        committed = stage.state.serialLow()
        stage.isBusy = false
      },
    ])
    const answered = [...stage.clients.values()].filter(({ isReceiving }) => isReceiving)
    expect(answered).toHaveLength(31)
    expect(committed).toBe(51)
  })
})
