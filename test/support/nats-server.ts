/**
 * A real server of NATS with JetStream, in a process and with a store of its own, which a test may kill and start again.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Watched } from './watched.js'

/** Why tests with a server are left out; undefined: they run. */
export const noNatsServer: string | undefined =
  spawnSync('nats-server', ['--version']).status === 0 ? undefined : 'nats-server is not installed'

export class NatsServer extends Watched {
  private readonly store = mkdtempSync(join(tmpdir(), 'ringcast-nats-'))
  private readonly saved = `${this.store}-saved`
  private readonly args: readonly string[]
  private child: ChildProcess | undefined
  private port = -1
  private isListening = false

  /** @param args further ones of the server */
  constructor(args: readonly string[] = []) {
    super()
    this.args = args
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Listens on a free port at first, on the same one and with the same store after it was killed. */
  async start(): Promise<void> {
    const args = ['-js', '-sd', this.store, '-a', '127.0.0.1', '-p', String(this.port), ...this.args]
    const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.child = child
    createInterface({ input: child.stderr }).on('line', line => {
      const port = /Listening for client connections on .*:(\d+)/.exec(line)?.[1]
      if (port !== undefined) this.port = Number(port)
      if (line.includes('Server is ready')) this.isListening = true
      this.changed()
    })
    child.on('exit', () => {
      this.child = undefined
      this.isListening = false
      this.changed()
    })
    await this.until(() => this.isListening || this.child === undefined)
    if (this.child === undefined) throw new Error('nats-server has ended')
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child?.kill(signal)
    await this.until(() => this.child === undefined)
  }

  /** What it has stored is kept, to be restored. Only while it is killed. */
  save(): void {
    cpSync(this.store, this.saved, { recursive: true })
  }

  /** Has what it had at `save`, as after a loss of power. Only while it is killed. */
  restore(): void {
    rmSync(this.store, { recursive: true })
    cpSync(this.saved, this.store, { recursive: true })
    rmSync(this.saved, { recursive: true })
  }

  /** Removes what it has stored. Only while it is killed. */
  forget(): void {
    rmSync(this.store, { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    await this.kill()
    this.forget()
  }
}
