import { afterEach, expect, it } from 'vitest'
import { HandlerServer, quote } from '../support/handler-server.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href

let server: HandlerServer

afterEach(() => server.stop())

it('clients are refused while the tick log has no room for their commands', async () => {
  const options = { tickLogBytes: 64 * 1024, maxMessageBytes: 256 }
  server = await HandlerServer.start(options, { laneFile: STALLED_LANE })
  for (let sequence = 1; server.handler.broadcastTick(quote('A', sequence)); ) sequence++
  const answers = []
  for (let client = 0; client < 100; client++) {
    const socket = await server.connectRaw()
    answers.push(String(socket.read()).slice(9, 12))
  }
  expect(answers).toContain('101')
  expect(answers.at(-1)).toBe('503')
  expect(server.counts('refused')).toEqual({ refusedOverload: answers.filter(code => code === '503').length })
})
