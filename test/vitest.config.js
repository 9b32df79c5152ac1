// Tests run from the build: what is tested is what ships, and worker threads can load it. With `--mode long` the long ones only; with
// `--mode cluster` those of a cluster of processes, and with `--mode cluster-long` the same, the long way. With `--mode faults` those that the
// catalogue of faults names, and with `--mode faults-long` the same, the long way.
import { defineConfig } from 'vitest/config'

const LONG = '**/*.long.test.js'
const CLUSTER = '**/*.cluster.test.js'
const CLUSTER_LONG = '**/*.cluster-long.test.js'
const FAULTS = '**/*.faults.test.js'

async function selectionOf(mode) {
  if (mode.startsWith('faults')) {
    const { catalogue, testPattern } = await import(
      new URL('../dist/test/faults/catalogue.js', import.meta.url).href
    )
    const rows = catalogue(mode === 'faults-long')
    const paths = [...new Set(rows.map(({ file }) => `**/${file}.test.js`))]
    return { include: paths, exclude: [], testNamePattern: testPattern(rows) }
  }
  if (mode === 'cluster') return { include: [CLUSTER], exclude: [] }
  if (mode === 'cluster-long') return { include: [CLUSTER, CLUSTER_LONG], exclude: [] }
  if (mode === 'long') return { include: [LONG], exclude: [] }
  return { include: ['**/*.test.js'], exclude: [LONG, CLUSTER, CLUSTER_LONG, FAULTS] }
}

export default defineConfig(async ({ mode }) => {
  const isLong = mode.endsWith('long')
  return {
    test: {
      root: 'dist/test',
      ...(await selectionOf(mode)),
      provide: { isLong },
      pool: 'forks',
      // A cluster has ten processes already.
      maxWorkers: mode.startsWith('cluster') ? 1 : 2,
      // A process for each file would take half as long again.
      isolate: false,
      restoreMocks: true,
      execArgv: ['--enable-source-maps'],
      // The build needs no transformation.
      server: { deps: { external: [/\/node_modules\//, /\/dist\/(src|workers|bench)\//] } },
      // Processes and lanes that end wait for others on a busy machine.
      testTimeout: isLong ? 180_000 : mode === 'faults' ? 120_000 : 60_000,
      hookTimeout: 60_000,
      reporters: [
        'default',
        mode.startsWith('faults') ? './faults/scoreboard-reporter.js' : './skips-reporter.js',
      ],
    },
  }
})
