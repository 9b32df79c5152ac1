/**
 * The memory of a process whose rings are full, against the sum of its bounds. See docs/limits.md, "Memory".
 */
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { parseConfig } from '../../src/config/config.js'
import type { MetricsView } from '../../src/metrics/metrics-view.js'
import { extent } from '../support/extent.js'
import { memoryBounds, SYMBOLS, sumOf } from '../support/memory-bounds.js'
import { Ringcast } from '../support/ringcast-process.js'
import { rssMiB } from '../support/wave.js'

const RING_MIB = extent(8, 64)
/** The least bytes of a tick in the tick log; a frame has more. */
const TICK_BYTES_MIN = 50
const ENV = {
  NODE_OPTIONS: '--max-semi-space-size=4',
  RINGCAST_POOL_SIZE: '1',
  RINGCAST_FEED_RATE: '0',
  RINGCAST_TICK_LOG_BYTES: `${RING_MIB}MiB`,
  RINGCAST_FRAME_RING_BYTES: `${RING_MIB}MiB`,
  RINGCAST_TURN_BYTES_MAX: '64KiB',
  RINGCAST_LATEST_BYTES: '1MiB',
  RINGCAST_MAX_CLIENTS: '10',
  RINGCAST_SUBSCRIPTIONS_MAX: '1000',
}

let ringcast: Ringcast

afterEach(() => ringcast.kill('SIGKILL'))

it('a process whose rings are full takes no more than the sum of its bounds', async () => {
  ringcast = new Ringcast([], { env: ENV })
  const { adminUrl, webSocketUrl } = await ringcast.streaming()
  // It reads, and does not parse. While it is behind, the ring keeps what it has not got.
  const client = new WebSocket(webSocketUrl)
  await once(client, 'open')
  for (let offset = 0; offset * TICK_BYTES_MIN < RING_MIB * 2 ** 20; )
    ({ offset } = (await (await fetch(`${adminUrl}/metrics.json`)).json()) as MetricsView)
  const rss = rssMiB(ringcast)
  client.terminate()
  const parsed = parseConfig({ env: ENV, argv: [], availableParallelism: 1 })
  if (!('config' in parsed)) throw new Error('this is no config')
  const { config } = parsed
  const bounds = memoryBounds(config, true).filter(({ what }) => what !== SYMBOLS)
  expect(rss).toBeLessThanOrEqual(sumOf(bounds, config) / 2 ** 20)
})
