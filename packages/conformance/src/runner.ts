/**
 * Plays one case against a client. Strict: what a client sends or reports, and no step expects, fails the case.
 */
import type { ConformanceCase, Step } from './conformance-case.js'
import { FakeTime } from './fake-time.js'
import { lengthen, matches, shorten } from './notation.js'
import { ScriptedServer } from './scripted-server.js'
import type { Server, SocketClass } from './server.js'

type Fields = Readonly<Record<string, unknown>>

/** A subscription of the client under test. */
export interface DrivenSubscription {
  /** The items that have been read, oldest first. The runner empties it. */
  readonly items: Fields[]
  /** The `code` of the error that ended it; null: ended without one. undefined: it goes on. */
  ended: string | null | undefined
  /** Begins to read. Only for a subscription that was made with `"read": "later"`. */
  read(): void
  close(): void
}

/** A stream of the client under test. */
export interface DrivenClient {
  readonly state: Fields
  readonly position: string | undefined
  subscribe(symbols: readonly string[], options: Fields): DrivenSubscription
  latest(symbol: string): Fields | undefined
  setToken(token: string): void
  close(): void
}

export interface DriverDeps {
  readonly WebSocket: SocketClass
  readonly time: FakeTime
  readonly random: () => number
  readonly getToken: (() => Promise<string>) | undefined
}

/** Makes a client of `ws://gateway/ws/ticks` with the options of the case. */
export type Driver = (options: Fields, deps: DriverDeps) => DrivenClient

const EXPECTATIONS = [
  'connects',
  'receives',
  'reports',
  'state',
  'position',
  'latest',
  'ends',
  'asked',
  'hangsUp',
  'delays',
]

/**
 * Rejects with what is wrong, and at which step.
 *
 * @param server of this run. Default: one without a network
 */
export async function runCase(
  conformanceCase: ConformanceCase,
  driver: Driver,
  server: Server = new ScriptedServer(),
): Promise<void> {
  const run = new CaseRun(conformanceCase, driver, server)
  try {
    for (const [index, step] of conformanceCase.steps.entries()) {
      const done = run.step(step, index)
      // Subscriptions of one task stay in one task.
      if (done !== undefined) await done
    }
    await run.end()
  } finally {
    run.dispose()
  }
}

class CaseRun {
  private readonly time = new FakeTime()
  private readonly server: Server
  private readonly client: DrivenClient
  private readonly subscriptions = new Map<string, DrivenSubscription>()
  private readonly ids = new Map<string, unknown>()
  private readonly seesStatus: boolean
  private readonly wallClock = Date.now
  private asked = 0
  private at = ''

  constructor(
    { options = {}, random = 0.5, steps, tokens }: ConformanceCase,
    driver: Driver,
    server: Server,
  ) {
    this.server = server
    this.seesStatus = JSON.stringify(steps).includes('"type":"status","state"')
    this.client = driver(options, {
      WebSocket: server.WebSocket,
      time: this.time,
      random: () => random,
      getToken:
        tokens &&
        (async () => {
          const token = tokens[this.asked++]
          if (token === undefined) throw new Error('nobody is signed in')
          return token
        }),
    })
  }

  /** @returns undefined if all has happened already */
  step(step: Step, index: number): Promise<void> | undefined {
    this.at = `step ${index + 1}, ${JSON.stringify(step)}: `
    const name = Object.keys(step)[0]!
    if (EXPECTATIONS.includes(name)) {
      this.expect(name, step)
      return undefined
    }
    if (name === 'subscribe') {
      const { symbols, ...options } = step.subscribe as { symbols: string[] }
      this.subscriptions.set(step.as ?? 's', this.client.subscribe(symbols, options))
      return undefined
    }
    this.expectNothing()
    return this.act(name, step)
  }

  async end(): Promise<void> {
    this.at = 'at the end: '
    await this.settle()
    this.expectNothing()
    this.client.close()
    if (this.time.timerCount > 0) this.fail(`${this.time.timerCount} timers are left after close()`)
  }

  dispose(): void {
    Date.now = this.wallClock
  }

  private async act(name: string, step: Step): Promise<void> {
    const value = step[name]
    const { current } = this.server
    switch (name) {
      case 'settle':
        break
      case 'read':
        this.subscription(value).read()
        break
      case 'unsubscribe':
        this.subscription(value).close()
        break
      case 'close':
        this.client.close()
        break
      case 'setToken':
        this.client.setToken(String(value))
        break
      case 'accepts':
        await current!.accept()
        break
      case 'sends':
        await current!.send([value].flat().map(message => this.textOf(message)))
        break
      case 'drops':
        await current!.drop()
        break
      case 'cuts':
        await current!.cut(this.textOf(value))
        break
      case 'closes': {
        const { code, reason = '' } = value as { code: number; reason?: string }
        await current!.close(code, reason)
        break
      }
      case 'refuses': {
        const refusal = value as { status: number; retryAfter?: number; body?: Fields; seen?: boolean }
        const { status, retryAfter, body = {}, seen = true } = refusal
        const headers: Record<string, string> =
          retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
        await current!.refuse(status, headers, JSON.stringify(body), seen)
        break
      }
      case 'advances': {
        const endMs = this.time.now() + Number(value)
        await this.settle()
        while (this.time.runNext(endMs)) await this.quiet()
        this.time.pass(endMs - this.time.now())
        break
      }
      case 'sleeps':
        this.time.pass(Number(value))
        break
      case 'wallClock': {
        const jumped = Date.now() + Number(value)
        Date.now = () => jumped
        break
      }
      default:
        this.fail(`there is no step ${name}`)
    }
    await this.settle()
  }

  private expect(name: string, step: Step): void {
    const value = step[name]
    switch (name) {
      case 'connects': {
        const socket = this.server.connections.shift() ?? this.fail('the client does not connect')
        this.server.current = socket
        const query = Object.fromEntries(new URL(socket.url).searchParams)
        this.match({ resume: null, delivery: null, ...(value as Fields) }, query)
        break
      }
      case 'receives': {
        const command = this.server.current?.commands.shift() ?? this.fail('the client sends nothing')
        this.match(value, command)
        this.ids.set('$', command.id)
        if (step.as !== undefined) this.ids.set(`$${step.as}`, command.id)
        break
      }
      case 'reports': {
        const item = this.itemsOf(step.to ?? 's').shift() ?? this.fail('the client reports nothing')
        this.match(value, this.isSnapshotOrTicks(item) ? { ...item, ticks: shorten(item.ticks) } : item)
        break
      }
      case 'state':
        this.match(typeof value === 'string' ? { state: value } : value, this.client.state)
        break
      case 'delays':
        this.match({ state: 'reconnecting', delayMs: value }, this.client.state)
        break
      case 'position':
        this.match(value, this.client.position ?? null)
        break
      case 'latest':
        for (const [symbol, sequence] of Object.entries(value as Fields))
          this.match(sequence, this.client.latest(symbol)?.sequence ?? null)
        break
      case 'ends':
        if (this.subscription(step.to ?? 's').ended !== value)
          this.fail(`it ended with ${this.subscription(step.to ?? 's').ended}`)
        break
      case 'asked':
        this.match(value, this.asked)
        break
      case 'hangsUp':
        this.match(value, this.server.current!.closedByClient)
        break
    }
  }

  private expectNothing(): void {
    for (const { url } of this.server.connections) this.fail(`the client connects to ${url}`)
    for (const command of this.server.current?.commands ?? [])
      this.fail(`the client sends ${JSON.stringify(command)}`)
    for (const name of this.subscriptions.keys())
      for (const item of this.itemsOf(name)) this.fail(`${name} reports ${JSON.stringify(item)}`)
  }

  private itemsOf(name: unknown): Fields[] {
    const { items } = this.subscription(name)
    if (!this.seesStatus)
      for (let index = items.length - 1; index >= 0; index--)
        if (items[index]!.type === 'status') items.splice(index, 1)
    return items
  }

  private isSnapshotOrTicks(item: Fields): item is { ticks: readonly Fields[] } {
    return 'ticks' in item
  }

  private subscription(name: unknown): DrivenSubscription {
    return this.subscriptions.get(String(name)) ?? this.fail(`there is no subscription ${name}`)
  }

  /** Ids stand for those of commands, and `A1` for the tick of A with the sequence 1. */
  private textOf(message: unknown): string {
    if (typeof message === 'string') return message
    return JSON.stringify(message, (key, value) => {
      if (key === 'id' && this.ids.has(value)) return this.ids.get(value)
      if (key === 'ticks' && Array.isArray(value)) return value.map(each => lengthen(String(each)))
      return value
    })
  }

  /** Runs what is due, and lets the client do what follows of itself. */
  private async settle(): Promise<void> {
    await this.quiet()
    while (this.time.runNext(this.time.now())) await this.quiet()
  }

  private async quiet(): Promise<void> {
    do await settled()
    while (await this.server.isMoved())
  }

  /** All fields of `expected` are in `actual`; null: the field is missing. */
  private match(expected: unknown, actual: unknown): void {
    if (!matches(expected, actual))
      this.fail(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
  }

  private fail(text: string): never {
    throw new Error(this.at + text)
  }
}

/** Everything that follows by promises has happened. */
function settled(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
