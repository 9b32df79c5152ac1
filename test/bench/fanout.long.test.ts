import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/fanout/main.js', import.meta.url))
const WORKLOADS = [
  'paced',
  'paced-gathering',
  'firehose',
  'portfolio',
  'conflated',
  'compressed',
  'compressed-single',
  'stalled',
  'idle',
  'ingest',
  'scaling',
  'subscriptions',
  'entitlements',
  'changes',
  'latest',
  'growth',
  'tls',
  'observed-paced',
  'observed-firehose',
]
/** Of those, the ones that compare Ringcast with itself. */
const ALONE = [
  'subscriptions',
  'entitlements',
  'changes',
  'latest',
  'growth',
  'observed-paced',
  'observed-firehose',
]
/** Of those that need no packages but the root's. */
const PEERS = ['ws', 'ws-frames']

const run = promisify(execFile)

describe('bench:fanout', () => {
  it.each(WORKLOADS)('%s still runs, and every client gets what it should', async name => {
    const { stdout } = await run(process.execPath, [MAIN, name, '--small'])
    expect(stdout).toContain(`### ${name}`)
    expect(stdout).not.toMatch(/failed:|errors of order|were closed|was told of|no tick came|NaN|Infinity/)
    const named = (server: string) =>
      new RegExp(`^(\\| )?${server.replace('.', '\\.')}( +\\||: skipped)`, 'm')
    if (ALONE.includes(name)) return
    expect(stdout).toMatch(/^\| ringcast +\|/m)
    if (name === 'tls')
      for (const server of ['ringcast', ...PEERS]) expect(stdout).toContain(`| ${server} over TLS `)
    else expect(stdout).toMatch(named('uws'))
    if (!name.startsWith('compressed') && name !== 'scaling' && name !== 'stalled')
      for (const peer of PEERS) expect(stdout).toMatch(new RegExp(`^\\| ${peer} +\\|`, 'm'))
  })

  it('measures the peers that are named, and no others', async () => {
    const { stdout } = await run(process.execPath, [MAIN, 'paced', '--small', '--peers', 'ws', '--runs', '1'])
    expect(stdout).toMatch(/^\| ringcast /m)
    expect(stdout).toMatch(/^\| ws /m)
    expect(stdout).not.toMatch(/uws|bun|socket\.io/)
  })
})
