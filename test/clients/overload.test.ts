import { afterEach, expect, it } from 'vitest'
import { HandlerServer } from '../support/handler-server.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href

let server: HandlerServer

afterEach(() => server.stop())

it('refuses clients while the command rings of all lanes are full, and counts the commands that wait', async () => {
  const options = { turnBytesMax: 1024, maxMessageBytes: 256 }
  server = await HandlerServer.start(options, { laneFile: STALLED_LANE })
  const answers = []
  for (let client = 0; client < 100; client++) {
    const socket = await server.connectRaw()
    answers.push(String(socket.read()).slice(9, 12))
  }
  const refused = answers.filter(code => code === '503').length
  expect(answers).toContain('101')
  expect(answers.at(-1)).toBe('503')
  expect(server.counts('refused')).toEqual({ refusedOverload: refused })
  expect(server.count('laneCommandsDelayed')).toBeGreaterThan(0)
})
