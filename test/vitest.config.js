// Tests run from the build: what is tested is what ships, and worker threads can load it. With `--mode long` the long ones only.
import { defineConfig } from 'vitest/config'

const LONG = '**/*.long.test.js'

export default defineConfig(({ mode }) => {
  const isLong = mode === 'long'
  return {
    test: {
      root: 'dist/test',
      include: [isLong ? LONG : '**/*.test.js'],
      exclude: isLong ? [] : [LONG],
      provide: { isLong },
      pool: 'forks',
      maxWorkers: 2,
      // A process for each file would take half as long again.
      isolate: false,
      restoreMocks: true,
      execArgv: ['--enable-source-maps'],
      // The build needs no transformation.
      server: { deps: { external: [/\/node_modules\//, /\/dist\/(src|workers|bench)\//] } },
      testTimeout: isLong ? 180_000 : 30_000,
      hookTimeout: 30_000,
      reporters: ['default', './skips-reporter.js'],
    },
  }
})
