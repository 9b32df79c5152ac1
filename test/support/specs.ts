/**
 * What audiences want, for tests that care for a part of it.
 */
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'

/** Every tick as JSON, in batches, unless told otherwise. */
export function spec(part: Partial<AudienceSpec> = {}): AudienceSpec {
  return { symbols: null, latest: [], encoding: 'json', batch: true, stamps: false, windowBits: 0, ...part }
}

/** An audience that has been sent nothing yet, unless told otherwise. */
export function audienceState(part: Partial<AudienceState> = {}): AudienceState {
  return {
    audience: 1,
    spec: spec(),
    seq: 0,
    ticksTotal: 0,
    lostTotal: 0,
    unknownLosses: 0,
    lastOffset: 0,
    conflated: [],
    ...part,
  }
}
