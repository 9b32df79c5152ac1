/**
 * What audiences want, for tests that care for a part of it.
 */
import type { Recipient } from '../../src/fanout/recipient.js'
import { type AudienceSpec, type EntryChange, entriesOf } from '../../src/lane-protocol/audience-spec.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import { DeliveryMap } from '../../workers/collect/delivery-map.js'
import { LaneAudience } from '../../workers/collect/lane-audience.js'

/** Every tick as JSON, in batches, unless told otherwise. */
export function spec(part: Partial<AudienceSpec> = {}): AudienceSpec {
  return {
    symbols: null,
    latest: [],
    encoding: 'json',
    batch: true,
    stamps: false,
    windowBits: 0,
    heartbeatMs: 0,
    ...part,
  }
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
    statusNumber: 0,
    serial: 0,
    offset: 0,
    epoch: 0,
    conflated: [],
    ...part,
  }
}

/** The start of a replay for a client that has everything up to a serial number; offsets are the same. */
export const startAt = (serial: number) => ({
  after: { serial, offset: serial, epoch: 0, epochName: 'e' },
})

/** An audience in its lane. */
export function laneAudience(part: Partial<AudienceState> = {}): LaneAudience {
  const state = audienceState(part)
  return new LaneAudience(state, DeliveryMap.of(entriesOf(state.spec)))
}

/** What a client changes so that it gets `spec`, after all that it has asked for so far. */
export function changeTo({ cursor, transfer }: Recipient, spec: AudienceSpec): EntryChange {
  const before = (transfer.queued ?? transfer.inFlight ?? cursor).audience?.spec ?? {
    symbols: [],
    latest: [],
  }
  const entries = new Map(entriesOf(spec))
  return {
    added: [...entries],
    removed: entriesOf(before).flatMap(([entry]) => (entries.has(entry) ? [] : entry)),
  }
}
