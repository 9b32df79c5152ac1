/**
 * The `ringcast` command in a process of its own, and what it logs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Watched } from './watched.js'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

export interface Line {
  readonly level: string
  readonly msg: string
  readonly code?: string
  readonly webSocketUrl?: string
  readonly adminUrl?: string
  readonly address?: string
  /** The rest of what a line says. */
  readonly [detail: string]: unknown
}

export interface RingcastOptions {
  readonly env?: Readonly<Record<string, string>>
  /** File descriptors that the process may have, as of `ulimit -n`. Default: those of the test. */
  readonly descriptors?: number
  /** The file of the command. Default: that of this build. */
  readonly main?: string
}

export class Ringcast extends Watched {
  readonly lines: Line[] = []
  readonly child: ChildProcess
  exit: { readonly code: number | null; readonly signal: string | null } | undefined

  constructor(args: readonly string[], { env = {}, descriptors, main = MAIN }: RingcastOptions = {}) {
    super()
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('RINGCAST_'))
    const command = [process.execPath, main, ...args]
    const [file = '', ...words] =
      descriptors === undefined
        ? command
        : ['sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, ...command]
    const child = spawn(file, words, {
      env: {
        ...Object.fromEntries(others),
        RINGCAST_PORT: '0',
        RINGCAST_ADMIN_PORT: '0',
        RINGCAST_POOL_SIZE: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.child = child
    createInterface({ input: child.stdout }).on('line', text => {
      this.lines.push(JSON.parse(text) as Line)
      this.changed()
    })
    child.on('close', (code, signal) => {
      this.exit = { code, signal }
      this.changed()
    })
  }

  /** The first line with this message; undefined if the process ends without it. */
  async line(msg: string): Promise<Line | undefined> {
    const find = () => this.lines.find(line => line.msg === msg)
    await this.until(() => find() !== undefined || this.exit !== undefined)
    return find()
  }

  async streaming(): Promise<{ webSocketUrl: string; adminUrl: string }> {
    const { webSocketUrl, adminUrl } = (await this.line('accepting clients'))!
    return { webSocketUrl: webSocketUrl!.replace('0.0.0.0', '127.0.0.1'), adminUrl: adminUrl! }
  }

  async ended(): Promise<number | null> {
    await this.until(() => this.exit !== undefined)
    return this.exit!.code
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal)
    if (signal === 'SIGKILL') await this.ended()
  }
}
