import { expect, it } from 'vitest'
import {
  COMMITTED_CURSOR,
  FOR_COMMIT,
  HEARTBEAT,
  MAIN_ASLEEP,
  MAIN_WAITS,
} from '../../src/memory/control-words.js'
import { LaneStage } from '../support/lane-stage.js'

it('a successor wakes a paused source when the lane before it died in the midst of a commit', () => {
  const stage = new LaneStage()
  stage.listen()
  const before = stage.state.cursor()
  stage.tick({ position: 1 })
  stage.run()
  // As if the thread had ended between its two stores: the state is there, the main thread sees the older cursor.
  Atomics.store(stage.control, COMMITTED_CURSOR, before)
  Atomics.store(stage.control, MAIN_WAITS, FOR_COMMIT)
  Atomics.store(stage.control, MAIN_ASLEEP, 1)
  stage.run()
  expect(stage.state.cursor()).toBe(stage.log.position)
  expect(Atomics.load(stage.control, MAIN_ASLEEP)).toBe(0)
})

it('a successor sends a heartbeat with each audience that it opens again', () => {
  const stage = new LaneStage()
  for (let audience = 1; audience <= 5; audience++) stage.listen({}, audience)
  stage.run()
  const before = Atomics.load(stage.control, HEARTBEAT)
  // The run is that of a successor, and there is nothing to read.
  stage.run()
  expect(Atomics.load(stage.control, HEARTBEAT) - before).toBe(5)
})

it('a lane sends a heartbeat with each audience that it writes for', () => {
  const stage = new LaneStage()
  for (let audience = 1; audience <= 5; audience++) stage.listen({}, audience)
  const before = Atomics.load(stage.control, HEARTBEAT)
  stage.tick({ position: 1 })
  stage.run()
  // It opens five audiences, reads a record and writes for five.
  expect(Atomics.load(stage.control, HEARTBEAT) - before).toBe(5 + 1 + 5)
})
