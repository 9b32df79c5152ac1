import { describe, expect, it } from 'vitest'
import { Witness, type WitnessOptions } from '../../bench/processes/witness.js'

const EVERY: WitnessOptions = { getsAll: true, getsEvery: true, parseEvery: 1 }

const tick = (sequence: number, symbol = 'A') => ({ symbol, kind: 'quote', sequence, time: 1 })

function witnessed(options: WitnessOptions, ...messages: readonly object[]): Witness {
  const witness = new Witness(options)
  for (const message of messages) {
    const bytes = Buffer.from(JSON.stringify(message))
    // As it may come: in two reads.
    witness.take(bytes, 0, 3)
    witness.take(bytes, 3, bytes.length - 3)
    witness.messageEnded(false)
  }
  return witness
}

describe('a witness', () => {
  const first = { type: 'ticks', seq: 1, offset: 2, ticks: [tick(1), tick(2)] }

  it('counts ticks that came whole and in order', () => {
    const witness = witnessed(EVERY, first, { type: 'ticks', seq: 2, offset: 3, ticks: [tick(3)] })
    expect(witness).toMatchObject({ ticks: 3, lost: 0, silent: 0, errorCount: 0 })
  })

  it('finds a message missing by its number, and its ticks by their sequence', () => {
    const witness = witnessed(EVERY, first, { type: 'ticks', seq: 3, offset: 6, ticks: [tick(6)] })
    expect(witness).toMatchObject({ lost: 3, silent: 3, errorCount: 2 })
  })

  it('lets the gateway say that its feed is live, and finds a feed that goes down in a run', () => {
    const status = { type: 'status', since: 1 }
    const witness = witnessed(EVERY, { ...status, feed: 'down' }, { ...status, feed: 'live' }, first)
    expect(witness.errorCount).toBe(0)
    const broken = witnessed(EVERY, first, { ...status, feed: 'down' })
    expect(broken.errors).toEqual(['the feed of the gateway is down'])
  })

  it('finds a tick that comes twice', () => {
    const witness = witnessed(EVERY, first, { type: 'ticks', seq: 2, offset: 3, ticks: [tick(2)] })
    expect(witness.errors).toEqual(['quote 2 of A after 2'])
  })

  it('takes a loss that it was told of for lost, not for an error', () => {
    const gap = { type: 'gap', reason: 'slow', from: 3, to: 5, missed: 3, seq: 9 }
    const witness = witnessed(EVERY, first, gap, { type: 'ticks', seq: 10, offset: 6, ticks: [tick(6)] })
    expect(witness).toMatchObject({ lost: 3, silent: 0, errorCount: 0 })
    expect(witness.missed).toEqual(new Map([['slow', 3]]))
  })

  it('lets sequences rise by more than one where only the latest was asked for', () => {
    const witness = witnessed({ ...EVERY, getsEvery: false }, first, {
      type: 'ticks',
      seq: 2,
      offset: 9,
      ticks: [tick(9)],
    })
    expect(witness).toMatchObject({ ticks: 3, lost: 0, errorCount: 0 })
  })

  it('counts by offsets what it does not parse', () => {
    const long = {
      type: 'ticks',
      seq: 2,
      offset: 32,
      ticks: Array.from({ length: 30 }, (_, i) => tick(3 + i)),
    }
    const witness = witnessed({ ...EVERY, parseEvery: 2 }, first, long)
    expect(JSON.stringify(long).length).toBeGreaterThan(1024)
    expect(witness).toMatchObject({ ticks: 32, errorCount: 0 })
  })

  it('reads the events of socket.io and leaves out its other packets', () => {
    const witness = new Witness(EVERY)
    for (const text of ['0{"sid":"x"}', '40', `42["ticks",${JSON.stringify(first)}]`]) {
      const bytes = Buffer.from(text)
      witness.take(bytes, 0, bytes.length)
      witness.messageEnded(false)
    }
    expect(witness).toMatchObject({ ticks: 2, errorCount: 0 })
  })
})
