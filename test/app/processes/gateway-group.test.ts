import { afterEach, describe, expect, it } from 'vitest'
import { GatewayGroup } from '../../../src/app/processes/gateway-group.js'
import type { GatewayProcessEvents } from '../../../src/app/processes/gateway-process.js'
import type { ToGateway } from '../../../src/app/processes/group-messages.js'
import { silentLog } from '../../../src/common/log.js'
import { parseConfig } from '../../../src/config/config.js'
import { FakeClock } from '../../support/fake-clock.js'

const NONE: ReadonlySet<string> = new Set()
const LIVE = { live: true, checks: { eventLoop: 'ok', lanes: 'ok' } }

/** A gateway process that the test plays. */
class FakeGateway {
  readonly received: ToGateway[] = []
  readonly events: GatewayProcessEvents

  constructor(events: GatewayProcessEvents) {
    this.events = events
  }

  accept(): void {
    this.events.message({
      op: 'accepting',
      webSocketUrl: 'ws://0.0.0.0:80/ws/ticks',
      feed: 'a:1',
      maxClients: 10,
    })
  }

  report(ready: boolean): void {
    const checks = { lanes: 'ok', upstream: ready ? 'ok' : 'connecting' }
    this.events.message({ op: 'report', report: { metrics: undefined, checks, ready, liveness: LIVE } })
  }
}

const groups: { group: GatewayGroup; gateways: FakeGateway[] }[] = []

afterEach(async () => {
  for (const { group, gateways } of groups.splice(0)) {
    const stopped = group.stop(true)
    for (const gateway of gateways) gateway.events.exit(0, null)
    await stopped
  }
})

/** @param source the flags that say where ticks come from @param failure of the first start of a process */
function begin(source: readonly string[] = ['--upstream=a:1'], failure?: Error) {
  let nextFailure = failure
  const parsed = parseConfig({
    env: {},
    argv: ['--processes=2', '--admin-port=0', ...source],
    availableParallelism: 4,
  })
  if (parsed.command !== 'serve') throw new Error('serve was expected')
  const clock = new FakeClock()
  const gateways: FakeGateway[] = []
  const lines: { details: object; message: string }[] = []
  let onOpened: () => void = () => {}
  const opened = new Promise<void>(resolve => {
    onOpened = resolve
  })
  const group = new GatewayGroup(parsed.config, {
    clock,
    log: { ...silentLog, error: (details, message) => lines.push({ details, message }) },
    startProcess(events) {
      const error = nextFailure
      nextFailure = undefined
      if (error !== undefined) throw error
      const gateway = new FakeGateway(events)
      gateways.push(gateway)
      if (gateways.length === 2) onOpened()
      return { pid: 100 + gateways.length, send: message => gateway.received.push(message) }
    },
  })
  groups.push({ group, gateways })
  const aborting = new AbortController()
  const started = group.start(aborting.signal)
  const failNextStart = (error: Error) => {
    nextFailure = error
  }
  return { clock, gateways, group, lines, started, opened, aborting, failNextStart }
}

async function accepting() {
  const stage = begin()
  await stage.opened
  for (const gateway of stage.gateways) gateway.accept()
  await stage.started
  return stage
}

describe('GatewayGroup', () => {
  it('gives a process its number and the feed when that listens, and has started when all accept', async () => {
    const { gateways, opened, started } = begin()
    await opened
    const [first, second] = gateways
    expect(first!.received).toEqual([])
    first!.events.message({ op: 'ready' })
    second!.events.message({ op: 'ready' })
    expect(first!.received).toEqual([{ op: 'start', process: 1, upstream: null }])
    expect(second!.received).toEqual([{ op: 'start', process: 2, upstream: null }])
    first!.accept()
    expect(await Promise.race([started, Promise.resolve('not yet')])).toBe('not yet')
    second!.accept()
    expect(await started).toMatchObject({ webSocketUrl: 'ws://0.0.0.0:80/ws/ticks', feed: 'a:1' })
  })

  it('starts no feed where the processes read a stream of NATS', async () => {
    const { gateways, opened, started } = begin(['--nats=nats://127.0.0.1:4222'])
    await opened
    gateways[0]!.events.message({ op: 'ready' })
    expect(gateways[0]!.received).toEqual([{ op: 'start', process: 1, upstream: null }])
    for (const gateway of gateways) gateway.accept()
    expect(await started).toMatchObject({ feed: 'a:1' })
  })

  it('starts no process when it is told to stop before', async () => {
    const { aborting, gateways, started } = begin()
    aborting.abort()
    await expect(started).rejects.toBe(aborting.signal.reason)
    expect(gateways).toEqual([])
  })

  it('says why a process cannot be started', async () => {
    const { gateways, opened, started } = begin()
    await opened
    gateways[1]!.events.exit(null, null, new Error('spawn EAGAIN'))
    await expect(started).rejects.toMatchObject({
      code: 'process_failed',
      message: 'process 2 could not be started: spawn EAGAIN',
    })
  })

  it.each([
    [2, 'config_invalid'],
    [1, 'process_failed'],
  ])('fails as a process ends at its start with code %d', async (exitCode, code) => {
    const { gateways, opened, started } = begin()
    await opened
    gateways[1]!.events.exit(exitCode, null)
    await expect(started).rejects.toMatchObject({ code, message: expect.stringContaining('process 2') })
    expect(gateways).toHaveLength(2)
  })

  it('replaces a process that has ended: at once at first, then later and later', async () => {
    const { clock, gateways, lines } = await accepting()
    for (let ends = 0; ends < 4; ends++) {
      gateways.at(-1)!.events.exit(null, 'SIGKILL')
      clock.advance(0)
      // Also one that ends as it starts: the settings were right.
      if (ends === 0) gateways.at(-1)!.accept()
    }
    expect(gateways).toHaveLength(5)
    clock.advance(50)
    expect(gateways).toHaveLength(6)
    expect(lines.map(({ details }) => details)).toMatchObject([
      { process: 2, signal: 'SIGKILL', delayMs: 0 },
      { delayMs: 0 },
      { delayMs: 0 },
      { delayMs: 50 },
    ])
  })

  it('tries again later where the system throws as a process is started', async () => {
    const stage = await accepting()
    stage.failNextStart(new Error('spawn EMFILE'))
    stage.gateways[1]!.events.exit(null, 'SIGKILL')
    stage.clock.advance(0)
    expect(stage.gateways).toHaveLength(3)
    expect(stage.lines.map(({ details }) => details)).toMatchObject([
      { process: 2, signal: 'SIGKILL' },
      { process: 2, signal: null, err: { message: 'spawn EMFILE' } },
    ])
    stage.gateways[2]!.accept()
    stage.gateways[0]!.report(true)
    expect(stage.group.view().readiness(NONE).ready).toBe(true)
  })

  it('says why the system throws as the first process is started', async () => {
    const { started } = begin(['--upstream=a:1'], new Error('spawn EMFILE'))
    await expect(started).rejects.toMatchObject({
      code: 'process_failed',
      message: 'process 1 could not be started: spawn EMFILE',
    })
  })

  it('counts an end after a healthy minute as the first', async () => {
    const { clock, gateways, lines } = await accepting()
    for (let ends = 0; ends < 5; ends++) {
      clock.advance(60_000)
      gateways.at(-1)!.events.exit(1, null)
      clock.advance(0)
      gateways.at(-1)!.accept()
    }
    expect(lines.map(({ details }) => (details as { delayMs: number }).delayMs)).toEqual([0, 0, 0, 0, 0])
  })

  it('is ready while one process is, and says what the others lack', async () => {
    const { clock, gateways, group } = await accepting()
    const view = group.view()
    gateways[0]!.report(false)
    expect(view.readiness(NONE)).toEqual({
      ready: false,
      checks: {
        'process 1': 'upstream: connecting',
        'process 2': 'it does not report: it starts, or it hangs',
      },
    })
    gateways[1]!.report(true)
    expect(view.readiness(NONE)).toMatchObject({ ready: true, checks: { 'process 2': 'ok' } })
    clock.advance(5_001)
    expect(view.readiness(NONE)).toMatchObject({
      ready: false,
      checks: { 'process 2': 'it does not report: it starts, or it hangs' },
    })
  })

  it('asks all processes to stop, also one that is starting, and waits for their ends', async () => {
    const { gateways, group } = await accepting()
    gateways[0]!.report(true)
    gateways[0]!.events.exit(1, null)
    const stopped = group.stop(true)
    expect(group.view().readiness(NONE).ready).toBe(false)
    expect(gateways[1]!.received).toEqual([{ op: 'stop', isPolled: false }])
    gateways[1]!.events.message({ op: 'ready' })
    expect(gateways[1]!.received.at(-1)).toEqual({ op: 'stop', isPolled: false })
    expect(await Promise.race([stopped.then(() => 'stopped'), Promise.resolve('not yet')])).toBe('not yet')
    gateways[1]!.events.exit(0, null)
    await stopped
    // The process that had ended before is not started again.
    expect(gateways).toHaveLength(2)
  })

  it('gives up the wait for its processes when it is to stop', async () => {
    const { aborting, opened, started } = begin()
    await opened
    aborting.abort(new Error('stopping'))
    await expect(started).rejects.toThrow('stopping')
  })

  it('asks every process for clients, and leaves out one that does not answer in time', async () => {
    const { clock, gateways, group } = await accepting()
    const listed = group.view().clients!.list({ sort: 'lag', limit: 2 })
    const question = { op: 'ask', number: 1, question: { kind: 'clients', query: { sort: 'lag', limit: 2 } } }
    expect(gateways.map(({ received }) => received.at(-1))).toEqual([question, question])
    const rows = [5, 9, 7].map(lagMs => ({ id: `a-${lagMs}`, lagMs, lagBytes: 0 }))
    gateways[0]!.events.message({ op: 'answer', number: 1, answer: rows })
    clock.advance(1_000)
    expect((await listed).map(({ lagMs }) => lagMs)).toEqual([9, 7])
    // An answer that comes too late is for nobody.
    gateways[1]!.events.message({ op: 'answer', number: 1, answer: rows })

    const closed = group.view().clients!.close('a-9')
    for (const [index, gateway] of gateways.entries())
      gateway.events.message({ op: 'answer', number: 2, answer: index === 1 })
    expect(await closed).toBe(true)
  })

  it('is live while one process is, and is not when all have failed', async () => {
    const { gateways, group } = await accepting()
    expect(group.view().liveness().live).toBe(false)
    const dead = { live: false, checks: { eventLoop: 'ok', lanes: 'a lane has been failing' } }
    const report = { metrics: undefined, checks: {}, ready: false }
    gateways[0]!.events.message({ op: 'report', report: { ...report, liveness: LIVE } })
    gateways[1]!.events.message({ op: 'report', report: { ...report, liveness: dead } })
    expect(group.view().liveness()).toEqual({
      live: true,
      checks: { 'process 1': 'ok', 'process 2': 'lanes: a lane has been failing' },
    })
    gateways[0]!.events.message({ op: 'report', report: { ...report, liveness: dead } })
    expect(group.view().liveness().live).toBe(false)
  })
})
