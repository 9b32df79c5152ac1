/** One `ringcast` process of a cluster, which is killed, stopped and started again. */
import { Ringcast, type RingcastOptions } from '../support/ringcast-process.js'

export interface MemberOptions extends RingcastOptions {
  readonly name: string
  readonly args: readonly string[]
  /** The line of its log that says that it has started. */
  readonly startedLine: string
  /** Called before each start. */
  readonly starting?: () => void
}

export class Member {
  readonly name: string
  /** What went wrong with its processes. */
  readonly complaints: string[] = []
  private readonly options: MemberOptions
  private ringcast: Ringcast | undefined
  private isEnding = false
  private isOver = false

  constructor(options: MemberOptions) {
    this.name = options.name
    this.options = options
  }

  /** Resolves when it has started. */
  async start(): Promise<void> {
    if (this.isOver) return
    const { args, name, startedLine, starting, ...options } = this.options
    starting?.()
    const ringcast = new Ringcast(args, options)
    this.ringcast = ringcast
    this.isEnding = false
    ringcast.child.once('exit', (code, signal) => {
      if (!this.isEnding) this.complaints.push(`${name} has ended by itself: ${signal ?? code}`)
    })
    if ((await ringcast.line(startedLine)) === undefined && !this.isEnding)
      throw new Error(`${name} has not started: ${JSON.stringify(ringcast.lines.at(-1))}`)
  }

  /** Undefined: it does not answer. */
  async metrics(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const adminUrl = this.ringcast?.lines.find(line => line.adminUrl !== undefined)?.adminUrl
    if (adminUrl === undefined) return undefined
    try {
      const response = await fetch(`${adminUrl}/metrics.json`, { signal: AbortSignal.timeout(1_000) })
      return (await response.json()) as Record<string, unknown>
    } catch {
      return undefined
    }
  }

  /** Ends it for ever. */
  async finish(): Promise<void> {
    this.isOver = true
    await this.kill()
  }

  async kill(): Promise<void> {
    this.isEnding = true
    await this.ringcast?.kill('SIGKILL')
  }

  /** Asks it to end, and waits. */
  async end(): Promise<void> {
    this.isEnding = true
    await this.ringcast?.kill('SIGTERM')
    const code = await this.ringcast?.ended()
    if (code !== 0) this.complaints.push(`${this.name} has ended with ${code} in place of 0`)
  }

  stop(): void {
    this.ringcast?.child.kill('SIGSTOP')
  }

  goOn(): void {
    this.ringcast?.child.kill('SIGCONT')
  }

  /** The last lines of its log. */
  tail(count: number): string[] {
    return (this.ringcast?.lines ?? []).slice(-count).map(line => `${this.name}: ${JSON.stringify(line)}`)
  }
}
