/**
 * On which lane a client's frames are made, seen from outside: by the bytes of frames that each lane has written.
 */
import { afterEach, expect, it } from 'vitest'
import { HandlerServer } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

const framesBytes = () => server.handler.getMetrics().lanes.map(({ counters }) => counters.framesBytes)

it('spreads audiences over the lanes, and puts the members of one onto the same', async () => {
  server = await HandlerServer.start({ poolSize: 2 })
  const ofA = await server.connect('?symbols=A')
  const ofB = await server.connect('?symbols=B')
  // The lane of A has two audiences now, the other one: whoever joins A goes there all the same.
  await server.connect('?symbols=C')
  const moreOfA = await Promise.all([1, 2, 3].map(() => server.connect('?symbols=A')))

  server.handler.broadcastTick(quote('A', 1))
  for (const client of [ofA, ...moreOfA]) await client.until(() => client.ticks.length === 1)
  const afterA = framesBytes()
  expect(afterA.filter(bytes => bytes > 0)).toHaveLength(1)

  server.handler.broadcastTick(quote('B', 1))
  await ofB.until(() => ofB.ticks.length === 1)
  const afterB = framesBytes()
  const laneOfA = afterA.findIndex(bytes => bytes > 0)
  expect(afterB[laneOfA]).toBe(afterA[laneOfA])
  expect(afterB[1 - laneOfA]).toBeGreaterThan(0)
})
