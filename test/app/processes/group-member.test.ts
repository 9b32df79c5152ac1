import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { GroupMember, type MemberProcess } from '../../../src/app/processes/group-member.js'
import type { FromGateway, ToGateway } from '../../../src/app/processes/group-messages.js'
import { FakeClock } from '../../support/fake-clock.js'

class FakeProcess extends EventEmitter implements MemberProcess {
  exitCode?: number | undefined
  readonly sent: FromGateway[] = []

  exit(): void {}

  /** Called when the first process has taken the messages that were sent. */
  taken: (() => void)[] = []

  send(message: FromGateway, sent: () => void): boolean {
    this.sent.push(message)
    this.taken.push(sent)
    return true
  }

  order(message: ToGateway): void {
    this.emit('message', message)
  }
}

function begin() {
  const process = new FakeProcess()
  const clock = new FakeClock()
  const member = new GroupMember(process, clock)
  const signals: string[] = []
  member.on('SIGTERM', signal => signals.push(signal))
  member.on('SIGINT', signal => signals.push(signal))
  return { clock, member, process, signals }
}

const STOP = { op: 'stop', isPolled: true } as const

describe('GroupMember', () => {
  it('asks for its order, and gets it', async () => {
    const { member, process } = begin()
    expect(process.sent).toEqual([{ op: 'ready' }])
    process.order({ op: 'start', process: 2, upstream: ['127.0.0.1:5'] })
    expect(await member.started).toEqual({ process: 2, upstream: ['127.0.0.1:5'] })
  })

  it('is told to stop before it has begun', async () => {
    const { member, process } = begin()
    process.order({ op: 'stop', isPolled: false })
    expect(await member.started).toBeUndefined()
  })

  it.each([
    ['an order', ['stop'], ['SIGTERM']],
    ['a signal', ['SIGINT'], ['SIGINT']],
    ['an order and the signal of the group behind it', ['stop', 'SIGTERM'], ['SIGTERM']],
    ['the signal of the group and the order behind it', ['SIGTERM', 'stop'], ['SIGTERM']],
    ['two signals beside the order', ['SIGINT', 'stop', 'SIGINT'], ['SIGINT', 'SIGINT']],
    ['two signals behind the order', ['stop', 'SIGINT', 'SIGINT'], ['SIGTERM', 'SIGINT']],
  ])('stops by %s', (_, events, expected) => {
    const { process, signals } = begin()
    for (const event of events) {
      if (event === 'stop') process.order(STOP)
      else process.emit(event, event)
    }
    expect(signals).toEqual(expected)
  })

  it('reads files again when it is ordered to, and at SIGHUP', () => {
    const { member, process, signals } = begin()
    let count = 0
    member.on('SIGHUP', () => count++)
    process.order({ op: 'reload' })
    process.emit('SIGHUP', 'SIGHUP')
    expect(count).toBe(2)
    expect(signals).toEqual([])
  })

  it('reports at once and twice a second, until it leaves', () => {
    const { clock, member, process } = begin()
    const report = { metrics: undefined, checks: {}, ready: true, liveness: { live: true, checks: {} } }
    member.report(() => report)
    // No report waits behind another one that was not taken.
    clock.advance(5_000)
    expect(process.sent).toHaveLength(2)
    for (let count = 0; count < 2; count++) {
      for (const sent of process.taken.splice(0)) sent()
      clock.advance(500)
    }
    member.leave()
    clock.advance(1_000)
    expect(process.sent.slice(1)).toEqual(
      [report, report, report].map(each => ({ op: 'report', report: each })),
    )
  })
})
