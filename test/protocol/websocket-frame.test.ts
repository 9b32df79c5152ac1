import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import * as ws from 'ws'
import {
  FRAME_HEADER_BYTES_MAX,
  frameHeaderBytes,
  writeTextFrameHeader,
} from '../../src/protocol/websocket-frame.js'

const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable }

/** The messages that a client's library reads from bytes which arrive in pieces of `pieceBytes`. */
async function received(
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<{ text: string; isBinary: boolean }[]> {
  const receiver = new Receiver({ isServer: false, skipUTF8Validation: false })
  const messages: { text: string; isBinary: boolean }[] = []
  receiver.on('message', (data: Buffer, isBinary: boolean) => messages.push({ text: String(data), isBinary }))
  const done = new Promise<void>((resolve, reject) => {
    receiver.on('error', reject)
    receiver.on('finish', resolve)
  })
  for (let at = 0; at < bytes.length; at += pieceBytes)
    receiver.write(Buffer.from(bytes.subarray(at, at + pieceBytes)))
  receiver.end()
  await done
  return messages
}

describe('a text frame', () => {
  it.each([0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 65_537, (1 << 20) + 257])(
    'of %i bytes is read by a WebSocket library, and so is the next frame',
    async length => {
      const payloads = [
        randomBytes(length / 2)
          .toString('hex')
          .padEnd(length, '!'),
        'after',
      ]
      const parts = payloads.map(payload => {
        const frame = new Uint8Array(FRAME_HEADER_BYTES_MAX + payload.length + 3).fill(0xee)
        const start = writeTextFrameHeader(frame, 3, payload.length)
        expect(start - 3).toBe(frameHeaderBytes(payload.length))
        expect([...frame.subarray(0, 3)]).toEqual([0xee, 0xee, 0xee])
        expect(frame[start]).toBe(0xee)
        frame.set(Buffer.from(payload), start)
        return frame.subarray(3, start + payload.length)
      })
      const messages = await received(Buffer.concat(parts), Math.max(7, length >> 3))
      expect(messages.length).toBe(2)
      expect(messages.every(({ text, isBinary }, index) => text === payloads[index] && !isBinary)).toBe(true)
    },
  )

  it('has the shortest header, of the announced length', () => {
    const sizes = [0, 125, 126, 65_535, 65_536, 2 ** 31 + 5, 2 ** 32 - 1]
    expect(sizes.map(frameHeaderBytes)).toEqual([2, 2, 4, 4, 10, 10, 10])
    const header = Buffer.alloc(10, 0xff)
    writeTextFrameHeader(header, 0, 2 ** 31 + 5)
    expect(header.readBigUInt64BE(2)).toBe(2n ** 31n + 5n)
  })
})
