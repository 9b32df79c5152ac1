import { expect, it } from 'vitest'
import { readReplayStart } from '../../src/clients/replay-start.js'
import { StreamNumbering } from '../../src/ingest/stream-numbering.js'
import { RESUME_GONE } from '../../src/lane-protocol/lane-commands.js'
import { FakeClock } from '../support/fake-clock.js'
import { NO_PAST_EXTENT } from '../support/no-past.js'

const clock = new FakeClock(1_723_123_800_000_000)
const numbering = new StreamNumbering({ number: 0, name: 'k3Xh_9aB', isShared: false })
numbering.ticksAppended(815, 1)
const stream = { numbering, clock, past: NO_PAST_EXTENT }
const after = (offset: number) => ({ after: { serial: offset, offset, epoch: 0, epochName: 'k3Xh_9aB' } })

it.each([
  [{}, null],
  [{ resume: 'k3Xh_9aB:815' }, after(815)],
  [{ resume: 'k3Xh_9aB:0' }, after(0)],
  [{ resume: 'another:816' }, RESUME_GONE],
  [{ since: '-1s' }, { sinceUs: 1_723_123_799_000_000 }],
])('%j begins at %j', (fields, start) => {
  expect(readReplayStart(fields, stream)).toEqual(start)
})

it('a time does not follow the steps of the system clock', () => {
  const stepped = new FakeClock(1_723_123_800_000_000)
  stepped.stepUs = 60_000_000
  const start = readReplayStart({ since: '2024-08-08T13:31:00Z' }, { ...stream, clock: stepped })
  expect(start).toEqual({ sinceUs: 1_723_123_800_000_000 })
})

it.each([
  [{ resume: 'k3Xh_9aB:816' }, 'bad_resume', /there is no offset 816 yet/],
  [{ resume: '%ff' }, 'bad_resume', /got "%ff"/],
  [{ resume: 'k3Xh_9aB' }, 'bad_resume', /resume must be the epoch/],
  [{ resume: 'k3Xh_9aB:9007199254740992' }, 'bad_resume', /resume must be the epoch/],
  [{ resume: 'k3Xh 9aB:5' }, 'bad_resume', /resume must be the epoch/],
  [{ resume: null }, 'bad_resume', /got null/],
  [{ since: 'now' }, 'bad_since', /since must be a time/],
  [{ since: '-1s', resume: 'k3Xh_9aB:1' }, 'bad_since', /exclude each other/],
])('%j is refused', (fields, code, message) => {
  expect(readReplayStart(fields, stream)).toEqual({ code, message: expect.stringMatching(message) })
})
