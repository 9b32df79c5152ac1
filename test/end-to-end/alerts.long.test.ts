/** A feed ends, and a real Prometheus with the alerts of deploy/ calls for help. */
import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { noPrometheus, Prometheus } from '../support/prometheus.js'
import { Ringcast } from '../support/ringcast-process.js'

const started: Ringcast[] = []

afterEach(async () => {
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

function start(...args: string[]): Ringcast {
  const ringcast = new Ringcast(args)
  started.push(ringcast)
  return ringcast
}

it.skipIf(noPrometheus !== undefined)('fires an alert when the feed ends, and none before', async () => {
  const feed = start('feed', '--feed-listen=127.0.0.1:0')
  const { address } = (await feed.line('feeding'))!
  const { adminUrl } = await start(`--upstream=${address}`).streaming()
  const rules = readFileSync(
    new URL('../../../deploy/prometheus/ringcast.rules.yml', import.meta.url),
    'utf8',
  )
  const prometheus = new Prometheus()
  try {
    await prometheus.start(
      [
        'global: { scrape_interval: 1s, evaluation_interval: 1s }',
        'rule_files: [ringcast.rules.yml]',
        'scrape_configs:',
        '  - job_name: ringcast',
        `    static_configs: [{ targets: ['${new URL(adminUrl).host}'] }]`,
      ].join('\n'),
      { 'ringcast.rules.yml': rules },
    )
    await prometheus.results('ringcast_check{check="upstream"} == 1')
    expect(await prometheus.query('ALERTS')).toEqual([])
    await feed.kill('SIGKILL')
    const [alert] = await prometheus.results('ALERTS{alertname="RingcastFeedDown",alertstate="firing"}')
    expect(alert!.metric).toMatchObject({ check: 'upstream', severity: 'critical', process: '1' })
  } finally {
    await prometheus.stop()
  }
})
