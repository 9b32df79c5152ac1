/**
 * A real Prometheus with a store of its own, and its tool. Debian's package `prometheus` has both.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Watched } from './watched.js'

/** Why tests with Prometheus are left out; undefined: they run. */
export const noPrometheus: string | undefined =
  spawnSync('promtool', ['--version']).status === 0 ? undefined : 'prometheus is not installed'

/** Runs promtool. @returns its exit code and all that it wrote */
export function promtool(args: readonly string[], input = ''): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

export interface Result {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

export class Prometheus extends Watched {
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringcast-prometheus-'))
  private child: ChildProcess | undefined
  private port = ''

  /** @param files for the folder of the configuration: rules, for instance */
  async start(config: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
    for (const [name, text] of Object.entries({ ...files, 'prometheus.yml': config }))
      writeFileSync(join(this.folder, name), text)
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(this.folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.folder, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
        '--log.level=info',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.child = child
    createInterface({ input: child.stderr }).on('line', line => {
      this.port = /msg="Listening on" address=127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? this.port
      this.changed()
    })
    child.on('exit', () => {
      this.child = undefined
      this.changed()
    })
    await this.until(() => this.port !== '' || this.child === undefined)
    if (this.child === undefined) throw new Error('prometheus has ended')
  }

  async query(query: string): Promise<Result[]> {
    const url = `http://127.0.0.1:${this.port}/api/v1/query?query=${encodeURIComponent(query)}`
    const response = await fetch(url)
    // It answers 503 until it has read its store.
    if (!response.ok) return []
    return ((await response.json()) as { data: { result: Result[] } }).data.result
  }

  /** Asks again until the query has results: Prometheus scrapes at its own pace. */
  async results(query: string): Promise<Result[]> {
    for (;;) {
      const results = await this.query(query)
      if (results.length > 0) return results
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGTERM')
    await this.until(() => this.child === undefined)
    rmSync(this.folder, { recursive: true })
  }
}
