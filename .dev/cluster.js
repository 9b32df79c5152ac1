/**
 * `npm run demo:cluster`: a synthetic feed, a server of NATS, two relays and two gateways on this machine, until Ctrl-C.
 * It needs nats-server. Each line of a process is shown behind its name. A store in a temporary folder is removed at the end.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const FEED = '127.0.0.1:50051'
const NATS_PORT = '4222'
const NATS = ['--nats', `nats://127.0.0.1:${NATS_PORT}`]
const MAIN = ['--max-semi-space-size=4', 'dist/src/main.js']

const store = mkdtempSync(join(tmpdir(), 'ringcast-demo-'))
const processes = new Map()
let isStopping = false

const ringcast = (name, ...args) => start(name, process.execPath, [...MAIN, ...args])

start('nats', 'nats-server', ['-js', '-sd', store, '-a', '127.0.0.1', '-p', NATS_PORT])
ringcast('feed', 'feed', '--feed-listen', FEED)
ringcast('relay 1', 'relay', ...NATS, '--upstream', FEED, '--admin-port', '9091')
ringcast('relay 2', 'relay', ...NATS, '--upstream', FEED, '--admin-port', '9092')
ringcast('gateway 1', ...NATS, '--port', '8080', '--admin-port', '9081', '--pool-size', '1')
ringcast('gateway 2', ...NATS, '--port', '8081', '--admin-port', '9082', '--pool-size', '1')
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)

function start(name, file, args) {
  // In a group of its own, so that Ctrl-C reaches this process alone, which ends the others in order.
  const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  processes.set(name, child)
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', line => say(name, line))
  child.on('error', error => say(name, `${file} cannot be started: ${error.message}`))
  child.on('close', (code, signal) => {
    processes.delete(name)
    say(name, `has ended (${signal ?? code})`)
    if (name === 'nats') stop()
    if (processes.size === 0) rmSync(store, { recursive: true, force: true })
    else if (isStopping && [...processes.keys()].every(left => left === 'nats'))
      processes.get('nats')?.kill('SIGTERM')
  })
}

/** Ends NATS last: the others have something to write into it. */
function stop() {
  isStopping = true
  for (const [name, child] of processes) if (name !== 'nats') child.kill('SIGTERM')
}

function say(name, line) {
  process.stdout.write(`${name.padEnd(10)} ${line.startsWith('{') ? JSON.parse(line).msg : line}\n`)
}
