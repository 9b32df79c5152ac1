import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ConnectionGate, type ConnectionGateOptions } from '../../src/common/connection-gate.js'
import { silentLog } from '../../src/common/log.js'
import { descriptorOf } from '../../src/common/socket-handle.js'
import { FakeClock } from '../support/fake-clock.js'
import { untilClosed } from '../support/raw-sockets.js'

interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly details: object
}

const servers: Server[] = []
const dialled: Socket[] = []
/** By the server, in order. */
const accepted: Socket[] = []

afterEach(async () => {
  for (const socket of [...dialled.splice(0), ...accepted.splice(0)]) socket.destroy()
  // The next test finds all descriptors free.
  for (const server of servers.splice(0)) await once(server.close(), 'close')
})

async function openServer(accept: (socket: Socket) => void) {
  const server = createServer(socket => {
    accepted.push(socket)
    accept(socket)
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return { clock: new FakeClock(), port: (server.address() as AddressInfo).port, server }
}

/** A server whose connections go through a gate. */
async function open(options: Partial<ConnectionGateOptions> = {}) {
  const { clock, port, server } = await openServer(socket => gate.enter(socket))
  const lines: Line[] = []
  const write = (level: Line['level']) => (details: object) => void lines.push({ level, details })
  const log = { ...silentLog, info: write('info'), warn: write('warn'), error: write('error') }
  const gate = new ConnectionGate({ what: 'tests', pendingMax: 3, clock, log, ...options })

  /** A connection that the server has accepted. */
  async function dial(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    dialled.push(socket)
    socket.resume()
    await once(server, 'connection')
    return socket
  }
  return { clock, dial, gate, lines }
}

describe('ConnectionGate', () => {
  it('ends the oldest pending connection for one more, and lets the newest in', async () => {
    const { dial, gate } = await open()
    const first = await dial()
    for (let count = 0; count < 3; count++) await dial()
    await untilClosed(first)
    expect(gate.pendingCount).toBe(3)
    expect(accepted.map(({ destroyed }) => destroyed)).toEqual([true, false, false, false])
    expect(gate.counts).toEqual({ evicted: 1, timedOut: 0, noDescriptor: 0, unproxied: 0, acceptErrors: 0 })
  })

  it('leaves alone what is settled, and forgets what has closed', async () => {
    const { dial, gate } = await open()
    await dial()
    gate.settle(accepted[0]!)
    expect(accepted[0]!.listenerCount('close')).toBe(0)
    const second = await dial()
    second.destroy()
    await untilClosed(accepted[1]!)
    for (let count = 0; count < 3; count++) await dial()
    expect(gate.counts.evicted).toBe(0)
    await dial()
    expect(accepted.map(({ destroyed }) => destroyed)).toEqual([false, true, true, false, false, false])
  })

  it('ends what has been pending for too long', async () => {
    const { clock, dial, gate } = await open({ timeoutMs: 10_000 })
    await dial()
    clock.advance(5000)
    await dial()
    clock.advance(4999)
    expect(gate.pendingCount).toBe(2)
    clock.advance(1)
    expect(accepted.map(({ destroyed }) => destroyed)).toEqual([true, false])
    clock.advance(6000)
    expect(gate.counts.timedOut).toBe(2)
    expect(gate.pendingCount).toBe(0)
  })

  describe('while file descriptors are short', () => {
    const ROOM = 8

    /**
     * Has a server accept `count` connections, with a gate that has descriptors for `ROOM` of them.
     * The other ends of the connections are of this process, too: they have their descriptors before, and read nothing, so that they keep them.
     */
    async function flood(count: number, accept: (gate: ConnectionGate, socket: Socket) => void) {
      let gate: ConnectionGate | undefined
      const { clock, port, server } = await openServer(socket => accept(gate!, socket))
      for (let index = 0; index < count; index++) dialled.push(connect(port, '127.0.0.1').pause())
      await new Promise<void>(resolve => process.nextTick(resolve))
      // The lowest that is free is given first.
      const next = openSync('/dev/null', 'r')
      closeSync(next)
      const reservedFrom = next + ROOM
      gate = new ConnectionGate({ what: 'tests', pendingMax: 1000, reservedFrom, clock, log: silentLog })
      while (accepted.length < count) await once(server, 'connection')
      return { clock, gate, open: accepted.filter(({ destroyed }) => !destroyed), reservedFrom }
    }

    it('holds the newest of pending connections, fewer than it may, and takes at most one descriptor too many', async () => {
      const { gate, open, reservedFrom } = await flood(60, (it, socket) => it.enter(socket))
      expect(open).toEqual(accepted.slice(-gate.pendingCount))
      expect(gate.pendingCount).toBeGreaterThan(ROOM / 2)
      expect(gate.pendingCount).toBeLessThan(ROOM)
      for (const socket of open) expect(descriptorOf(socket)).toBeLessThanOrEqual(reservedFrom)
      expect(gate.counts.noDescriptor).toBeGreaterThan(0)
      expect(gate.counts.noDescriptor + gate.counts.evicted).toBe(60 - gate.pendingCount)
    })

    it('lets more be pending again when it has logged that', async () => {
      let clients = 0
      const { clock, gate, open } = await flood(20, (it, socket) => {
        if (it.enter(socket) && ++clients < ROOM) it.settle(socket)
      })
      expect(gate.pendingCount).toBe(1)
      clock.advance(5000)
      for (const socket of open.slice(0, 3)) expect(gate.enter(socket)).toBe(true)
      expect(gate.pendingCount).toBe(4)
    })

    it('ends new connections where all others are settled', async () => {
      const { gate, open } = await flood(20, (it, socket) => {
        if (it.enter(socket)) it.settle(socket)
      })
      expect(open.length).toBeLessThanOrEqual(ROOM)
      expect(gate.counts).toMatchObject({ noDescriptor: 20 - open.length, evicted: 0 })
    })
  })

  it('logs what it has ended at most once every five seconds, with the number', async () => {
    const { clock, dial, gate, lines } = await open()
    for (let count = 0; count < 8; count++) await dial()
    expect(lines).toEqual([])
    clock.advance(5000)
    const details = { evicted: 5, timedOut: 0, noDescriptor: 0, acceptErrors: 0, pending: 3, pendingMax: 3 }
    expect(lines).toEqual([{ level: 'warn', details }])
    await dial()
    clock.advance(4999)
    expect(lines).toHaveLength(1)
    clock.advance(1)
    expect(lines[1]).toEqual({ level: 'warn', details: { ...details, evicted: 1 } })
    clock.advance(60_000)
    expect(lines).toHaveLength(2)
    gate.timedOut()
    clock.advance(5000)
    expect(lines[2]).toMatchObject({ level: 'info', details: { evicted: 0, timedOut: 1 } })
    expect(clock.timerCount).toBe(0)
  })

  it('logs errors of accept with the last of them, however many there are', async () => {
    const { clock, gate, lines } = await open()
    const err = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' })
    for (let count = 0; count < 1000; count++) gate.acceptFailed(err)
    clock.advance(5000)
    expect(lines).toMatchObject([{ level: 'error', details: { acceptErrors: 1000, err } }])
  })

  it('ends what is pending when it closes, logs what it has not, and leaves no timer', async () => {
    const { clock, dial, gate, lines } = await open({ timeoutMs: 10_000 })
    for (let count = 0; count < 4; count++) await dial()
    gate.close()
    expect(accepted.every(({ destroyed }) => destroyed)).toBe(true)
    expect(lines).toMatchObject([{ level: 'warn', details: { evicted: 1 } }])
    expect(clock.timerCount).toBe(0)
  })
})
