import { describe, expect, it } from 'vitest'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { AudienceHeartbeats } from '../../workers/compose/audience-heartbeats.js'
import { LaneStage } from '../support/lane-stage.js'
import { laneAudience, spec } from '../support/specs.js'
import type { StageClient } from '../support/stage-clients.js'

const HEARTBEAT_MS = 5_000
const SPEC: Partial<AudienceSpec> = { symbols: ['A'], heartbeatMs: HEARTBEAT_MS }

/** Lets time go on while the lane sleeps. */
function pass(stage: LaneStage, ...stepsMs: number[]): void {
  stage.run(stepsMs.map(ms => () => stage.clock.advance(ms)))
}

const typesOf = ({ messages }: StageClient): string[] => messages.map(({ type }) => type)

describe('a heartbeat', () => {
  it('comes when an audience was sent nothing for its interval, and tells its place in the stream', () => {
    const stage = new LaneStage()
    const client = stage.listen(SPEC)
    const seen: string[][] = []
    stage.run([
      () => stage.tick({ symbol: 'A' }),
      () => {
        for (let tick = 0; tick < 3; tick++) stage.tick({ symbol: 'B' })
        stage.clock.advance(HEARTBEAT_MS - 200)
      },
      () => {
        seen.push(typesOf(client))
        stage.clock.advance(300)
      },
      () => {
        seen.push(typesOf(client))
        stage.clock.advance(HEARTBEAT_MS + 100)
      },
      () => stage.tick({ symbol: 'A' }),
    ])
    expect(seen).toEqual([['ticks'], ['ticks', 'heartbeat']])
    expect(client.messages).toMatchObject([
      { type: 'ticks', seq: 1, offset: 1 },
      { type: 'heartbeat', offset: 4, seq: 1, feed: 'live' },
      { type: 'heartbeat', offset: 4, seq: 1, feed: 'live' },
      { type: 'ticks', seq: 2, offset: 5 },
    ])
  })

  it('does not come while ticks, latest ticks or gaps come', () => {
    const stage = new LaneStage()
    const every = stage.listen(SPEC, 1)
    const latest = stage.listen({ ...SPEC, symbols: [], latest: [{ intervalMs: 0, symbols: ['A'] }] }, 2)
    const gaps = stage.listen({ ...SPEC, symbols: ['Z'] }, 3)
    const steps = Array.from({ length: 10 }, (_, step) => () => {
      stage.clock.advance(HEARTBEAT_MS / 2)
      if (step % 2 === 0) stage.tick({ symbol: 'A' })
      else stage.lost('overload', 1)
    })
    stage.run(steps)
    for (const client of [every, latest, gaps]) expect(typesOf(client)).not.toContain('heartbeat')
  })

  it('tells the state of the feed', () => {
    const stage = new LaneStage()
    const client = stage.listen(SPEC)
    stage.status('down')
    pass(stage, 0, HEARTBEAT_MS + 100)
    expect(client.messages.at(-1)).toMatchObject({ type: 'heartbeat', feed: 'down' })
  })

  it('tells the lane to wake up only where somebody asked for it', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] }, 1)
    expect(stage.sleepMs).toBe(Number.POSITIVE_INFINITY)
    stage.listen(SPEC, 2)
    expect(stage.sleepMs).toBeLessThan(HEARTBEAT_MS + 200)
    stage.close(2)
    stage.run()
    expect(stage.sleepMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('comes from a successor, too, and its offset never falls', () => {
    const stage = new LaneStage()
    const client = stage.listen(SPEC)
    stage.tick({ symbol: 'A' })
    stage.run()
    for (let killAt = 0; stage.deaths < 20; killAt += 3) {
      stage.tick({ symbol: 'B' })
      stage.run([() => stage.clock.advance(HEARTBEAT_MS + 100)], killAt % 24)
    }
    pass(stage, HEARTBEAT_MS + 100, HEARTBEAT_MS + 100)
    const offsets = client.messages.flatMap(message => ('offset' in message ? [message.offset] : []))
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    expect(offsets.at(-1)).toBe(stage.offset)
    expect(typesOf(client).filter(type => type !== 'heartbeat')).toEqual(['ticks'])
  })
})

it('audiences are due together, at multiples of a tenth of a second', () => {
  const heartbeats = new AudienceHeartbeats()
  for (let audience = 0; audience < 50; audience++)
    heartbeats.open(laneAudience({ spec: spec({ heartbeatMs: 1_000 }) }), audience)
  expect(heartbeats.nextMs).toBe(1_000)
  heartbeats.endIntervals(1_100)
  expect(heartbeats.due).toHaveLength(50)
  expect(heartbeats.take(1_100)).toHaveLength(50)
  expect(heartbeats.nextMs).toBe(2_100)
})
