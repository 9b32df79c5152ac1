import { expect, it } from 'vitest'
import { negotiatedWindowBits } from '../../src/protocol/deflate-negotiation.js'

const BEFORE = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket']

it.each([
  ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', 13],
  ['permessage-deflate; server_max_window_bits=15', 13],
  ['permessage-deflate; server_max_window_bits=14; server_no_context_takeover', 13],
  ['permessage-deflate; server_no_context_takeover; server_max_window_bits=12', 12],
  ['permessage-deflate; client_max_window_bits=10; server_max_window_bits=9', 9],
  ['permessage-deflate; server_max_window_bits=8', 9],
  ['permessage-deflate; client_max_window_bits=10', 13],
])('%s means a window of %i bits', (extension, windowBits) => {
  expect(negotiatedWindowBits([...BEFORE, `Sec-WebSocket-Extensions: ${extension}`])).toBe(windowBits)
})

it('a response without the extension means no compression', () => {
  expect(negotiatedWindowBits(BEFORE)).toBe(0)
  expect(negotiatedWindowBits([...BEFORE, 'Sec-WebSocket-Protocol: permessage-deflate'])).toBe(0)
})
