import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { Ingest } from '../../src/ingest/ingest.js'
import { encodeCommand } from '../../src/lane-protocol/lane-commands.js'
import { type LaneTask, turnOvershootBytes } from '../../src/lane-protocol/lane-task.js'
import { STATUS_AT_START } from '../../src/lane-protocol/stream-events.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { commandRingBytes } from '../../src/memory/command-ring-memory.js'
import { CommandRingWriter } from '../../src/memory/command-ring-writer.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { AUDIENCE_FRAMES, TURN_BEGIN, TURN_END } from '../../src/memory/frame-descriptor.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { LANE_SLOT_COUNT, MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import type { QuoteJson, TicksMessage } from '../../src/protocol/messages.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { frameTexts } from '../support/frames.js'
import { encodeTickBatch } from '../support/proto-messages.js'
import { spec } from '../support/specs.js'
import { reportOf, startThread, terminateThreads } from '../support/thread.js'

const TICKS = 60_000
const BATCH_TICKS = 50
const EPOCH = { number: 0, name: 'e', isShared: false }
const TURN_BYTES_MAX = 16 * 1024

afterEach(terminateThreads)

describe('a lane in a thread of its own', () => {
  it('brings every tick once and in order through small rings, and ends when it is told to', async () => {
    const layout = laneLayout(1 << 18, TURN_BYTES_MAX / 4 + turnOvershootBytes(marketCodec), 1 << 17)
    const tickLog = new SharedArrayBuffer(tickLogBytes(1 << 16))
    const handle = new LaneHandle(0, layout, 1 << 16, () => {})
    const counters = new CounterWriter(
      new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
    )
    const intake = new Ingest({
      tickLog,
      lanes: [handle],
      queueSize: 500,
      codec: marketCodec,
      positions: { tellLosses: true, areRepeated: false },
      epochName: 'e',
      positionWatch: { broken() {} },
      streamMoved() {},
      clock: systemClock,
      counters,
    })
    const { port1, port2 } = new MessageChannel()
    const commands = new SharedArrayBuffer(commandRingBytes(1024))
    const task: LaneTask = {
      lane: 0,
      epoch: EPOCH,
      epochs: [{ epoch: EPOCH, serial: 0 }],
      tickLog,
      commands,
      memory: handle.shared,
      layout,
      latest: handle.latest,
      counters: new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT)),
      wakeUpPort: port2,
      turnBytesMax: TURN_BYTES_MAX / 4,
      compression: { bytesMin: 1024, level: 6 },
      schema: undefined,
      tickBytesMax: marketCodec.tickBytesMax,
      feedStatus: STATUS_AT_START,
      audiences: [],
      quarantinedTicks: [],
      quarantinedClients: [],
    }
    const open = { op: 'open', audience: 1, client: 1, spec: spec({ symbols: null, batch: true }) } as const
    new CommandRingWriter(commands).tryWrite(encodeCommand(open), 0)
    const end = reportOf<string>(startThread('lane-runner', task, [port2]))

    let pushed = 0
    let isPaused = false
    let pauses = 0
    const push = (): void => {
      while (!isPaused && pushed < TICKS) {
        const ticks = Array.from({ length: BATCH_TICKS }, () => {
          pushed++
          return { symbol: `S${pushed % 7}`, kind: 1, sequence: pushed, bid: pushed / 8, position: pushed }
        })
        intake.push(encodeTickBatch({ ticks }), 'batch')
      }
    }
    intake.attach({
      pause() {
        isPaused = true
        pauses++
      },
      resume() {
        isPaused = false
      },
    })

    let received = 0
    let seq = 0
    const take = (text: string): void => {
      const message = JSON.parse(text) as TicksMessage<QuoteJson>
      expect([message.type, message.seq]).toEqual(['ticks', ++seq])
      for (const { sequence, symbol, bid } of message.ticks) {
        received++
        if (sequence !== received || symbol !== `S${received % 7}` || bid !== received / 8)
          expect.fail(`${symbol} ${sequence} ${bid} in place of tick ${received}`)
      }
      expect(message.offset).toBe(received)
    }
    const drain = (): void => {
      const { retained, ring } = handle.stream
      for (let descriptor = ring.next(); descriptor !== undefined; descriptor = ring.next()) {
        const { kind, length, segment, start } = descriptor
        if (kind === TURN_END) ring.turnConsumed()
        else if (kind !== TURN_BEGIN) {
          expect(kind).toBe(AUDIENCE_FRAMES)
          retained.useSegment(segment)
          for (const text of frameTexts(new Uint8Array(handle.memory, start, length))) take(text)
        }
      }
      ring.release()
      handle.wakeLane()
    }

    const done = new Promise<void>(resolve => {
      const onBell = (): void => {
        do {
          drain()
          intake.lanesMoved()
          push()
        } while (handle.stream.sleepUnlessWork())
        intake.lanesMoved()
        if (!isPaused && pushed < TICKS) setImmediate(onBell)
        else if (received === TICKS) resolve()
      }
      port1.on('message', onBell)
      onBell()
    })
    await done
    await intake.caughtUp()
    expect(pauses).toBeGreaterThan(TICKS / 500 / 4)
    expect(handle.state.committed()).toMatchObject({ serial: TICKS, offset: TICKS })
    const closed = once(port1, 'close')
    handle.setStop(true)
    expect(await end).toBe('ended')
    await closed
  })
})

it('loads no protobuf library for quotes and trades, so that it starts soon', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData).then(() => parentPort.postMessage(Object.keys(require.cache)))`
  const { href } = new URL('../../workers/lane.js', import.meta.url)
  const worker = new Worker(source, { eval: true, workerData: href })
  const [loaded] = (await once(worker, 'message')) as [string[]]
  await worker.terminate()
  expect(loaded.filter(path => path.includes('protobufjs'))).toEqual([])
})
