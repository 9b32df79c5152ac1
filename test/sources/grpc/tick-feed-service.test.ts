import { expect, it } from 'vitest'
import { tickFeedCall } from '../../../src/sources/grpc/tick-feed-service.js'

const request = { symbols: [], fromPosition: 0 }

it('has the paths of the contract', () => {
  expect(tickFeedCall('tick', request).path).toBe('/ringcast.v1.TickFeed/Stream')
  expect(tickFeedCall('batch', request).path).toBe('/ringcast.v1.TickFeed/StreamBatches')
})
