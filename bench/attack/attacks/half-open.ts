/**
 * Does: holds up to 1,900 connections that never become WebSockets. Half of them are silent, half send their request
 * byte by byte.
 * Must: let a new client in within a second at any time.
 */
import { connect, type Socket } from 'node:net'
import { LoadClient } from '../../processes/load-client.js'
import type { Attack, AttackReport, Target } from '../attack.js'
import { Rounds } from '../rounds.js'

const CONNECTIONS = 1900
/** Connections that begin at once, every 20 ms: 500 a second. */
const AT_ONCE = 10
const BEAT_MS = 20
/** Each connection sends a byte once in so many beats, not all at the same beat. */
const BYTE_EVERY_BEATS = 50
const NEWCOMER_EVERY_BEATS = 25
const NEWCOMER_MS_MAX = 1000
const REQUEST = 'GET /ws/ticks HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'

export const halfOpen: Attack = {
  name: 'half-open',
  does: `${CONNECTIONS} connections, silent or byte by byte, and new clients meanwhile`,
  isOneLong: true,
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const open = new Set<Socket>()
  const dribbling = new Map<Socket, { readonly slot: number; sent: number }>()
  let begun = 0
  const begin = (): void => {
    const socket = connect(port, '127.0.0.1')
    open.add(socket)
    if (begun++ % 2 === 0) dribbling.set(socket, { slot: begun % BYTE_EVERY_BEATS, sent: 0 })
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      dribbling.delete(socket)
    })
    socket.resume()
  }
  const newcomers: Promise<number>[] = []
  const rounds = new Rounds(seconds)
  for (let beat = 0; await rounds.next(BEAT_MS); beat++) {
    for (let more = 0; more < AT_ONCE && open.size < CONNECTIONS; more++) begin()
    for (const [socket, state] of dribbling)
      if (state.slot === beat % BYTE_EVERY_BEATS) socket.write(REQUEST.charAt(state.sent++ % REQUEST.length))
    if (beat % NEWCOMER_EVERY_BEATS === 0) newcomers.push(comeIn(port))
  }
  const waits = await Promise.all(newcomers)
  const held = open.size
  for (const socket of open) socket.destroy()
  const late = waits.filter(ms => !(ms <= NEWCOMER_MS_MAX))
  const violations =
    late.length === 0
      ? []
      : [`${late.length} of ${waits.length} new clients were not let in within ${NEWCOMER_MS_MAX} ms`]
  const longest = Math.round(Math.max(...waits))
  return {
    done: `${held} connections held, ${begun} begun; ${waits.length} new clients waited at most ${longest} ms`,
    violations,
  }
}

/** Connects a new client. @returns its wait for `subscribed`, in ms; infinity: it was refused, or waited too long */
function comeIn(port: number): Promise<number> {
  const startMs = performance.now()
  return new Promise(resolve => {
    const end = (waitedMs: number): void => {
      clearTimeout(timer)
      client.end()
      resolve(waitedMs)
    }
    const timer = setTimeout(end, 2 * NEWCOMER_MS_MAX, Number.POSITIVE_INFINITY)
    const client = new LoadClient({
      port,
      path: '/ws/ticks?symbols=NONE',
      deflate: false,
      isSocketIo: false,
      reader: {
        keepsWindow: undefined,
        take: () => {},
        messageEnded: () => end(performance.now() - startMs),
      },
      opened: refusal => {
        if (refusal !== undefined) end(Number.POSITIVE_INFINITY)
      },
    })
  })
}
