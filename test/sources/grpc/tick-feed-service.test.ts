import { expect, it } from 'vitest'
import { methodOfForm } from '../../../src/sources/grpc/tick-feed-service.js'

it('has the paths of the contract', () => {
  expect(methodOfForm.tick.path).toBe('/ringcast.v1.TickFeed/Stream')
  expect(methodOfForm.batch.path).toBe('/ringcast.v1.TickFeed/StreamBatches')
})
