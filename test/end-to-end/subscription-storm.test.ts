/**
 * Clients that change their subscriptions all the time, under load, some of them slow, while lanes die: every tick that
 * a client is due reaches it once and in order, or a gap says that it does not. What is due follows from the offsets in the
 * answers alone.
 */
import { afterEach, expect, it } from 'vitest'
import { Random } from '../../src/feed/random.js'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote } from '../support/ticks.js'

const SYMBOLS = ['AA', 'AB', 'AC', 'BA', 'BB', 'BC', 'CA', 'CB']
const ENTRIES = [...SYMBOLS, 'A*', 'B*', '*']
const TICKS = 4_000
const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_241_108)

let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

/** Symbol of the tick at an offset: ticks are pushed in turn, one offset each, and `sequence` is the offset. */
const symbolAt = (offset: number) => SYMBOLS[offset % SYMBOLS.length]!
const covers = (entries: ReadonlySet<string>, symbol: string) =>
  entries.has(symbol) || entries.has('*') || entries.has(`${symbol[0]}*`)

/** Replays what a client was told and finds every tick that it should have got and did not, or got and should not have. */
class Checker {
  readonly silentErrors: string[] = []
  ticks = 0
  private readonly entries = new Set<string>()
  /** All that was due up to here has come. */
  private offset = 0

  take(message: ServerMessage): void {
    if (message.type === 'subscribed' || message.type === 'unsubscribed') {
      this.expectNothingDue(message.offset)
      for (const symbol of message.symbols) {
        if (message.type === 'subscribed') this.entries.add(symbol)
        else this.entries.delete(symbol)
      }
    } else if (message.type === 'gap') {
      this.expectNothingDue(message.from - 1)
      let due = 0
      for (let offset = message.from; offset <= message.to; offset++) if (this.isDue(offset)) due++
      if (due !== message.missed) this.silentErrors.push(`a gap of ${message.missed} in place of ${due}`)
      this.offset = message.to
    } else if (message.type === 'ticks') {
      for (const { symbol, sequence } of message.ticks) {
        this.ticks++
        const offset = Number(sequence)
        this.expectNothingDue(offset - 1)
        if (offset <= this.offset)
          this.silentErrors.push(`tick ${offset} again, or late, after ${this.offset}`)
        if (!this.isDue(offset)) this.silentErrors.push(`tick ${offset} of ${symbol} was not asked for`)
        this.offset = offset
      }
    }
  }

  /** Nothing between what came last and `until` was due. */
  expectNothingDue(until: number): void {
    for (let offset = this.offset + 1; offset <= until; offset++) {
      if (this.isDue(offset)) this.silentErrors.push(`tick ${offset} of ${symbolAt(offset)} is missing`)
    }
    this.offset = Math.max(this.offset, until)
  }

  private isDue(offset: number): boolean {
    return covers(this.entries, symbolAt(offset))
  }
}

class StormClient {
  readonly checker = new Checker()
  answers = 0
  asked = 0
  private constructor(readonly client: TickClient) {}

  static async connect(url: string): Promise<StormClient> {
    const client = await TickClient.connect(url)
    const storm = new StormClient(client)
    storm.checker.take(client.subscribed!)
    client.onMessage = message => {
      // With tiny turns, a change may be refused while another one waits.
      if (message.type === 'subscribed' || message.type === 'unsubscribed' || message.type === 'error')
        storm.answers++
      storm.checker.take(message)
    }
    return storm
  }

  /** Asks for something at random; now and then stops reading or goes on. */
  act(random: Random): void {
    const { socket } = this.client
    if (random.next() < 0.05) socket.isPaused ? socket.resume() : socket.pause()
    if (random.next() < 0.5) return
    const symbols = Array.from({ length: 1 + random.below(3) }, () => ENTRIES[random.below(ENTRIES.length)]!)
    this.ask(random.next() < 0.5 ? 'subscribe' : 'unsubscribe', symbols)
  }

  ask(type: 'subscribe' | 'unsubscribe', symbols: readonly string[]): void {
    this.client.socket.send(JSON.stringify({ type, id: ++this.asked, symbols }))
  }

  answered(): Promise<void> {
    return this.client.until(() => this.answers === this.asked)
  }
}

async function storm(
  options: object,
  laneFile?: string,
): Promise<{ clients: StormClient[]; running: HandlerServer }> {
  const running = await HandlerServer.start(
    { ...FULL_SIZE, maxCommandsPerSecond: 100_000, ...options },
    laneFile === undefined
      ? {}
      : { laneFile: new URL(`../support/lanes/${laneFile}.js`, import.meta.url).href },
  )
  server = running
  const random = new Random(SEED)
  const clients = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      StormClient.connect(running.url(`?symbols=${ENTRIES[index % ENTRIES.length]}`)),
    ),
  )
  const pacer = await TickClient.connect(running.url())
  for (let offset = 1; offset <= TICKS; offset++) {
    while (!running.handler.broadcastTick(quote(symbolAt(offset), offset))) await new Promise(setImmediate)
    if (offset % 4 === 0) clients[random.below(clients.length)]!.act(random)
    if (offset % 40 === 0) await pacer.until(() => pacer.ticks.length + pacer.missed >= offset - 80)
  }
  await pacer.until(() => pacer.ticks.length + pacer.missed === TICKS)
  for (const { client } of clients) client.socket.resume()
  for (const each of clients) await each.answered()
  // Behind its last answer a client has got everything that is due: one more change asks for it.
  for (const each of clients) each.ask('subscribe', ['CB'])
  for (const each of clients) await each.answered()
  return { clients, running }
}

function expectNoSilentErrors(clients: readonly StormClient[]): void {
  for (const { checker, client } of clients) {
    checker.expectNothingDue(TICKS)
    expect(checker.silentErrors, `seed ${SEED}`).toEqual([])
    expect(client.silentErrors, `seed ${SEED}`).toEqual([])
    expect(client.closed).toBeUndefined()
  }
  expect(clients.some(({ checker }) => checker.ticks > TICKS / 10)).toBe(true)
}

it('has no silent error while subscriptions change', async () => {
  const { clients } = await storm({})
  expectNoSilentErrors(clients)
})

it('has no silent error while lanes die in the midst of that', async () => {
  for (const laneFile of ['throws-before-publish', 'throws-after-publish', 'exits']) {
    const { clients, running } = await storm({}, laneFile)
    expectNoSilentErrors(clients)
    expect(running.handler.getMetrics().counters.laneRestarts).toBeGreaterThan(0)
    await running.stop()
  }
})

it('has no silent error with several lanes and rings that lap those who do not read', async () => {
  const { clients } = await storm({ poolSize: 3, frameRingBytes: 64 * 1024, turnBytesMax: 1024 })
  expectNoSilentErrors(clients)
})
