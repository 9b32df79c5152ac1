/**
 * `npm run dev [-- settings …]`: builds at each change and starts the gateway anew with each build.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const BUILD = ['node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput', '--pretty']
// Named, since the watcher does not see what worker threads import.
const WATCHED = ['dist/src', 'dist/workers', 'proto'].map(folder => `--watch-path=${folder}`)
const GATEWAY = ['--watch-preserve-output', ...WATCHED, '--enable-source-maps', 'dist/src/main.js']

// In groups of their own, so that a signal reaches each once, and the compiler although it runs below a process that passes on none.
const build = spawn(process.execPath, BUILD, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
let gateway
let isStopping = false

createInterface({ input: build.stdout }).on('line', line => {
  process.stdout.write(`${line}\n`)
  // The first build is there, whole or with errors.
  if (gateway === undefined && !isStopping && line.includes('Watching for file changes'))
    gateway = spawn(process.execPath, [...GATEWAY, ...process.argv.slice(2)], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
})

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    isStopping = true
    process.kill(-build.pid, 'SIGTERM')
    gateway?.kill('SIGTERM')
  })
