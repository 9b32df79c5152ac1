/**
 * A member that has an entry replayed, while lanes die at each of their calls.
 */
import { expect, it } from 'vitest'
import type { JoinCommand } from '../../../src/lane-protocol/lane-commands.js'
import type { AudienceDescriptor } from '../../../src/memory/audience-descriptor.js'
import { MORE, type ReplyDescriptor } from '../../../src/memory/reply-descriptor.js'
import { extent } from '../../support/extent.js'
import type { Message } from '../../support/lane-messages.js'
import { LaneStage } from '../../support/lane-stage.js'
import { startAt } from '../../support/specs.js'

const CLIENT = 900
/** The client has all ticks of B up to this offset. */
const RESUMED = 4
/** Ticks of A and B in turn. */
const TICKS = 24

/** One client more: it is a member of audience 1, of A, and goes over to audience 2, of A and B. */
class ReplayStage extends LaneStage {
  readonly got: Message[] = []
  parts = 0
  /** The audience that the client is in; 0: none. */
  member = 0
  private asked: JoinCommand | undefined
  private earlier = 0
  /** The last part of the reply so far. */
  private part: ReplyDescriptor | undefined

  ask(): void {
    this.send({
      op: 'join',
      audience: 2,
      leaving: this.member,
      client: CLIENT,
      name: `c${CLIENT}`,
      request: 1,
      fellBehindAt: null,
      replay: startAt(RESUMED),
      replies: [{ type: 'subscribed', id: 1, symbols: ['B'], delivery: 'every', snapshot: false }],
    })
  }

  get isDone(): boolean {
    return this.asked === undefined
  }

  protected override takeFrames(descriptor: AudienceDescriptor, messages: Message[]): void {
    super.takeFrames(descriptor, messages)
    if (descriptor.audience === this.member) this.got.push(...messages)
  }

  protected override takeReply(descriptor: ReplyDescriptor, messages: Message[]): void {
    super.takeReply(descriptor, messages)
    if (descriptor.client !== CLIENT || descriptor.request !== this.asked?.request) return
    this.got.push(...messages)
    this.parts++
    this.part = descriptor
    if (descriptor.isLast) this.settle(descriptor)
  }

  protected override settleRequests(): void {
    super.settleRequests()
    if (this.part !== undefined) this.settle(this.part)
  }

  protected override sendAgain(): void {
    super.sendAgain()
    if (this.asked !== undefined) this.command(this.asked)
  }

  private settle(descriptor: ReplyDescriptor): void {
    const asked = this.asked!
    this.part = undefined
    this.earlier = this.earlier || asked.leaving
    if (descriptor.outcome !== MORE) {
      this.member = asked.audience
      this.asked = undefined
      return
    }
    this.member = 0
    const {
      epoch,
      offset,
      reached,
      replayStart: start,
      replayTicks: ticks,
      seq,
      serial,
      statusNumber,
    } = descriptor
    this.send({
      ...asked,
      leaving: 0,
      request: asked.request + 1,
      replay: { serial, offset, epoch, start, reached, seq, ticks, statusNumber, earlier: this.earlier },
      replies: [],
    })
  }

  private send(join: JoinCommand): void {
    this.asked = join
    this.command(join)
  }
}

function tick(stage: LaneStage): void {
  stage.tick({ symbol: stage.offset % 2 === 0 ? 'A' : 'B', position: stage.offset + 1 })
}

/** Kills a lane at each of `kills`, and then lets one live. */
function play(kills: readonly number[], latest = false): ReplayStage {
  const stage = new ReplayStage({ frameRingBytes: 1 << 18, turnBytesMax: 1024, scratchBytes: 1 << 15 })
  const conflated = latest ? [{ intervalMs: 0, symbols: ['C'] }] : []
  stage.open(1, { symbols: ['A'], latest: conflated })
  stage.open(2, { symbols: ['A', 'B'], latest: conflated })
  for (let count = 0; count < TICKS; count++) tick(stage)
  if (latest) stage.tick({ symbol: 'C' })
  stage.run()
  stage.member = 1
  stage.ask()
  const left = [...kills]
  const steps = [() => tick(stage), () => stage.status('down'), () => tick(stage)]
  let step = 0
  const doNext = (): void => steps[step++]?.()
  while (
    !stage.run(
      Array.from({ length: steps.length - step }, () => doNext),
      left.shift() ?? -1,
    )
  );
  tick(stage)
  tick(stage)
  stage.run()
  return stage
}

function check(stage: ReplayStage): void {
  expect([stage.isDone, stage.member]).toEqual([true, 2])
  const begin = stage.got.findIndex(({ type }) => type === 'subscribed')
  const reply = stage.got[begin]!
  expect(reply).toMatchObject({ resumed: true, offset: RESUMED })
  const reached = 'reached' in reply ? reply.reached! : 0
  const ticks = stage.got.flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  const offsets = (symbol: string): number[] =>
    ticks.filter(each => each.symbol === symbol).map(({ sequence }) => Number(sequence))
  const sent = (symbol: string, after: number): number[] =>
    stage.ticks.filter(each => each.symbol === symbol && each.offset > after).map(({ offset }) => offset)
  expect(offsets('A')).toEqual(sent('A', TICKS))
  expect(offsets('B')).toEqual(sent('B', RESUMED))
  const replayed = stage.got.slice(begin).flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  const all = replayed.map(({ sequence }) => Number(sequence))
  expect(all).toEqual([...all].sort((a, b) => a - b))
  expect(replayed.filter(({ sequence, symbol }) => symbol === 'A' && Number(sequence) <= reached)).toEqual([])
  const live = stage.got.filter(({ type }) => (type as string) === 'live')
  expect(live).toHaveLength(1)
  const end = stage.got.indexOf(live[0]!)
  const inReplay = stage.got
    .slice(begin, end)
    .flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  expect(live[0]).toMatchObject({ replayed: { from: RESUMED + 1, ticks: inReplay.length } })
  expect(stage.got.filter(({ type }) => type === 'status')).toHaveLength(1)
}

it('gets every tick once and in order, in many parts', () => {
  const stage = play([])
  check(stage)
  expect(stage.parts).toBeGreaterThan(3)
})

it.each([false, true])('gets every tick once and in order, wherever lanes die; latest ticks: %s', latest => {
  let killAt = 0
  for (;;) {
    const stage = play([killAt], latest)
    check(stage)
    if (stage.deaths === 0) break
    killAt += extent(3, 1)
  }
  expect(killAt).toBeGreaterThan(60)
  for (let first = 0; first < killAt; first += extent(17, 5))
    check(play([first, killAt - first, 7, first >> 1], latest))
})
