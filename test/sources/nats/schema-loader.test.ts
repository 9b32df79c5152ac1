import { expect, it } from 'vitest'
import { systemClock } from '../../../src/common/clock.js'
import { SchemaLoader } from '../../../src/sources/nats/schema-loader.js'

it('does not begin to wait for a relay after the abort', async () => {
  const loader = new SchemaLoader({
    servers: ['nats://127.0.0.1:1'],
    stream: 'ringcast',
    name: 'test',
    clock: systemClock,
    log: { info: () => {}, warn: () => {} },
  })
  const signal = AbortSignal.abort()
  await expect(loader.load(signal)).rejects.toBe(signal.reason)
})
