import { expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { Relay } from '../../src/relay/relay.js'
import { RelayCounters } from '../../src/relay/relay-counters.js'
import { marketCodec } from '../../src/ticks/market-codec.js'

it('does not begin to wait for NATS after the abort', async () => {
  const relay = new Relay({
    nats: {
      servers: ['nats://127.0.0.1:1'],
      stream: 'ringcast',
      name: 'test',
      clock: systemClock,
      log: { info: () => {}, warn: () => {} },
    },
    retention: { maxAgeMs: 3_600_000, maxBytes: 64 * 1024 * 1024, replicas: 1 },
    schema: undefined,
    codec: marketCodec,
    positions: { tellLosses: true, areRepeated: false },
    queueBytesMax: 1024,
    counters: new RelayCounters(),
    makeSource: () => {
      throw new Error('a relay that does not start reads no feed')
    },
  })
  const signal = AbortSignal.abort()
  await expect(relay.start(signal)).rejects.toBe(signal.reason)
  await relay.stop(signal)
})
