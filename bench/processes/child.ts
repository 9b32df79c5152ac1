/**
 * A child process of a benchmark: starts it, reads its log, sends it requests, and ends it by its id.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const STOP_MS = 3000
const START_MS = 30_000
const ANSWER_MS = 30_000

export interface Usage {
  /** CPU time of all threads of the process, in user mode and in the kernel. */
  readonly cpuUs: number
  readonly rssBytes: number
  /** The highest `rssBytes` since its start. */
  readonly rssBytesMax: number
  readonly mainThreadUs: number
  /** Time in which the main thread was ready to run and had no core. */
  readonly mainThreadWaitUs: number
}

/** The command that runs a peer that does not run in Node. */
export interface Runtime {
  readonly executable?: string
  /** Options of the executable, which stand before the file. */
  readonly options?: readonly string[]
}

/** The process ended before it reported: it does not support the request, or has failed. */
export class ChildEnded extends Error {}

/**
 * Linux gives times in hundredths of a second and memory in pages: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 * It gives a thread's times in nanoseconds: https://docs.kernel.org/scheduler/sched-stats.html
 */
const CPU_TICK_US = 10_000
const PAGE_BYTES = 4096

export class Child {
  private readonly name: string
  private readonly process: ChildProcess
  private readonly lines: Record<string, unknown>[] = []
  private readonly answers = new Map<number, (answer: unknown) => void>()
  private lastId = 0
  private onLine: () => void = () => {}
  private errorText = ''

  /** @param file path from dist/bench */
  constructor(file: string, args: readonly string[], { executable, options = [] }: Runtime = {}) {
    this.name = file
    // The settings of the user's environment must not change the benchmark.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([key]) => !key.startsWith('RINGCAST_')),
    )
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
    this.process = spawn(executable ?? process.execPath, [...options, path, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    process.once('exit', this.kill)
    createInterface({ input: this.process.stdout! }).on('line', line => {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Record<string, unknown>)
      this.onLine()
    })
    this.process.stderr!.on('data', (data: Buffer) => {
      this.errorText = (this.errorText + data.toString()).slice(-2000)
    })
    this.process.on('message', (message: { readonly id: number; readonly answer: unknown }) => {
      this.answers.get(message.id)?.(message.answer)
      this.answers.delete(message.id)
    })
  }

  get pid(): number {
    return this.process.pid!
  }

  /** The exit code, or the signal that ended the process; undefined: it runs. */
  get exit(): number | NodeJS.Signals | undefined {
    return this.process.exitCode ?? this.process.signalCode ?? undefined
  }

  /** Resolves with the exit code or the signal. */
  async ended(): Promise<number | NodeJS.Signals> {
    if (this.exit === undefined) await once(this.process, 'exit')
    return this.exit!
  }

  /** Resolves with the value of `key` in the first log line that has the key. */
  async told(key: string): Promise<string> {
    const deadlineMs = performance.now() + START_MS
    for (;;) {
      const line = this.lines.find(entry => key in entry)
      if (line !== undefined) return String(line[key])
      if (this.exit !== undefined || performance.now() > deadlineMs)
        throw new ChildEnded(
          `${this.name} did not tell its ${key}: ${this.errorText}${JSON.stringify(this.lines.at(-1))}`,
        )
      await new Promise<void>(resolve => {
        this.onLine = resolve
        setTimeout(resolve, 200)
      })
    }
  }

  /** Log lines of the level error or fatal. */
  get complaints(): string[] {
    return this.lines
      .filter(({ level }) => ['error', 'fatal'].includes(String(level)))
      .map(({ msg }) => String(msg))
  }

  /** Rejects when the process ends or takes too long, so that no caller waits for ever. */
  async ask<Answer>(ask: string, what: object = {}, withinMs = ANSWER_MS): Promise<Answer> {
    const id = ++this.lastId
    let timer: NodeJS.Timeout | undefined
    let onExit = (): void => {}
    try {
      return await new Promise((resolve, reject) => {
        const fail = (why: string): void =>
          reject(new Error(`${this.name}, asked for ${ask}, ${why}: ${this.errorText}`))
        timer = setTimeout(fail, withinMs, 'does not answer')
        onExit = () => fail('has ended')
        this.process.once('exit', onExit)
        this.answers.set(id, answer => resolve(answer as Answer))
        this.process.send({ id, ask, ...what })
      })
    } finally {
      clearTimeout(timer)
      this.process.off('exit', onExit)
    }
  }

  /** Read from the system, because a busy process does not reply. Linux only. */
  usage(): Usage {
    const { pid } = this.process
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The fields after the name in brackets. The first of them is the state, field 3.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [mainRanNs, mainWaitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')
      .split(' ')
      .map(Number)
    return {
      cpuUs: (fields[11]! + fields[12]!) * CPU_TICK_US,
      rssBytes: fields[21]! * PAGE_BYTES,
      rssBytesMax: peakBytes(pid!),
      mainThreadUs: mainRanNs! / 1000,
      mainThreadWaitUs: mainWaitedNs! / 1000,
    }
  }

  /** Kills the child when this process ends, because then no process is left to stop the child. */
  private readonly kill = (): void => {
    this.process.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    const { process: child } = this
    process.off('exit', this.kill)
    if (this.exit !== undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_status.5.html; 0: the system does not tell. */
function peakBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0)
}
