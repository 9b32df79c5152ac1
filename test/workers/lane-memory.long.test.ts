/**
 * What a lane keeps of clients that have left: nothing.
 */
import { expect, it } from 'vitest'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { LaneAudience } from '../../workers/collect/lane-audience.js'
import { KnownSymbol } from '../../workers/read/symbol-table.js'
import { LaneStage } from '../support/lane-stage.js'
import { living } from '../support/living.js'

const WAVES = 20
const AUDIENCES = 8
const NAMES = 50
/** The symbols of the feed. */
const TRADED = ['A', 'B', 'C']

/** The audience of one client: symbols and prefixes that no other client names, and the symbols of the feed. */
function specOf(id: number): Partial<AudienceSpec> {
  const names = Array.from({ length: NAMES }, (_, index) => `${id}-${index}`)
  const symbols = [...TRADED, ...names, ...names.map(name => `${name}*`)].sort()
  if (id % 2 === 0) return { symbols }
  return { symbols: [], latest: [{ intervalMs: id % 4 === 1 ? 0 : 50, symbols }] }
}

it('a lane keeps no audience or symbol of clients that have left', () => {
  const stage = new LaneStage()
  const seen: Record<string, number>[] = []
  const trade = (): void => {
    for (const symbol of TRADED) stage.tick({ symbol })
  }
  const look = (): void => {
    seen.push(living(LaneAudience, KnownSymbol))
  }
  const come = (id: number): void => {
    stage.open(id, specOf(id))
    stage.join(id, id)
  }
  const leave = (id: number): void => {
    stage.clients.delete(id)
    stage.close(id)
  }
  const ids = Array.from({ length: WAVES * AUDIENCES }, (_, index) => index + 1)
  const waves = Array.from({ length: WAVES }, (_, wave) =>
    ids.slice(wave * AUDIENCES, (wave + 1) * AUDIENCES),
  )
  const steps = waves.flatMap(wave => [
    ...wave.map(id => () => come(id)),
    trade,
    () => stage.clock.advance(60),
    trade,
    ...wave.map(id => () => leave(id)),
    trade,
  ])
  stage.run([trade, look, ...steps, look])
  expect(seen[1]).toEqual(seen[0])
})
