import { describe, expect, it } from 'vitest'
import { Audience } from '../../src/fanout/audience.js'
import { AudienceEntries } from '../../src/fanout/audience-entries.js'
import { Transfer } from '../../src/fanout/transfer.js'
import type { TransferRequest } from '../../src/fanout/transfer-request.js'
import { spec, startAt } from '../support/specs.js'

const AUDIENCE = new Audience(1, 0, AudienceEntries.of([['A', null]]), spec())
const REQUEST: TransferRequest = {
  audience: AUDIENCE,
  replies: [{ type: 'unsubscribed', symbols: ['B'] }],
  replyBytes: 100,
  sinceUs: 1,
  wasTakenBack: false,
  replayStart: null,
}

const POSITION = {
  start: 3,
  serial: 5,
  offset: 5,
  epoch: 0,
  reached: 3,
  seq: 1,
  ticks: 2,
  statusNumber: 0,
}

/** A transfer whose client was given the first part of a reply. */
function begun(transfer = new Transfer()): Transfer {
  transfer.begin(REQUEST)
  transfer.sent()
  transfer.partGiven(undefined)
  return transfer
}

describe('a request that is taken back', () => {
  it('is queued again, and says so', () => {
    const transfer = new Transfer()
    transfer.begin(REQUEST)
    transfer.sent()
    expect(transfer.takenBack()).toBeUndefined()
    expect(transfer.inFlight).toBeUndefined()
    expect(transfer.queued).toEqual({ ...REQUEST, wasTakenBack: true })
  })

  it('has not begun to be replied to: the client would get the first part twice', () => {
    expect(() => begun().takenBack()).toThrow('the reply to request 1 has begun, and is taken back')
  })

  it('may have begun during a replay, which goes on from where it is', () => {
    const transfer = new Transfer()
    transfer.begin({ ...REQUEST, replayStart: startAt(3) })
    transfer.sent()
    transfer.replayedTo(POSITION, undefined)
    transfer.sent()
    transfer.partGiven(undefined)
    transfer.takenBack()
    expect([transfer.isSent, transfer.isBegun, transfer.queued]).toEqual([false, false, undefined])
    expect(transfer.inFlight).toMatchObject({ replies: [], wasTakenBack: true })
    expect(transfer.replay).toEqual({ ...POSITION, earlier: 0 })
  })
})
