// Tests run from the build: what is tested is what ships, and worker threads can load it.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: 'dist/test',
    include: ['**/*.test.js'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: process.env.CI ? ['default'] : ['default'],
  },
})
