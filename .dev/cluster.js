/**
 * `npm run demo:cluster`: a synthetic feed, a server of NATS, two relays and three gateways behind one port of this machine,
 * and a client that resumes, until Ctrl-C. Kill any process: it is started again. It needs nats-server.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DemoBalancer } from './demo-balancer.js'
import { DemoClient } from './demo-client.js'

const PORT = 8080
const FEED = '127.0.0.1:50051'
const NATS_PORT = '4222'
const NATS = ['--nats', `nats://127.0.0.1:${NATS_PORT}`]
const MAIN = ['--max-semi-space-size=4', 'dist/src/main.js']
const GATEWAYS = [1, 2, 3]
const RESTART_MS = 500
const SHOW_MS = 2_000

const store = mkdtempSync(join(tmpdir(), 'ringcast-demo-'))
const processes = new Map()
let isStopping = false

const ringcast = (name, ...args) => start(name, process.execPath, [...MAIN, ...args])

start('nats', 'nats-server', ['-js', '-sd', store, '-a', '127.0.0.1', '-p', NATS_PORT])
ringcast('feed', 'feed', '--feed-listen', FEED)
for (const relay of [1, 2])
  ringcast(`relay ${relay}`, 'relay', ...NATS, '--upstream', FEED, '--admin-port', `909${relay}`)
for (const gateway of GATEWAYS) {
  const ports = ['--port', `${PORT + gateway}`, '--admin-port', `908${gateway}`]
  ringcast(`gateway ${gateway}`, ...NATS, '--host', '127.0.0.1', ...ports, '--pool-size', '1')
}
const balancer = new DemoBalancer(
  PORT,
  GATEWAYS.map(gateway => ({ name: `gateway ${gateway}`, port: PORT + gateway })),
)
const client = new DemoClient(`ws://127.0.0.1:${PORT}/ws/ticks`, balancer, line => say('client', line))
const showing = setInterval(() => client.show(), SHOW_MS)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)

function start(name, file, args) {
  // In a group of its own, so that Ctrl-C reaches this process alone, which ends the others in order.
  const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  processes.set(name, child)
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', line => say(name, line))
  child.on('error', error => {
    say(name, `${file} cannot be started: ${error.message}`)
    stop()
  })
  child.on('spawn', () => say(name, `has started: kill -9 ${child.pid}`))
  child.on('close', (code, signal) => {
    say(name, `has ended (${signal ?? code})`)
    processes.delete(name)
    if (isStopping) ended()
    else setTimeout(() => startAgain(name, file, args), RESTART_MS)
  })
}

function startAgain(name, file, args) {
  if (!isStopping) start(name, file, args)
}

function stop() {
  isStopping = true
  clearInterval(showing)
  client.stop()
  balancer.stop()
  for (const [name, child] of processes) if (name !== 'nats') child.kill('SIGTERM')
  ended()
}

/** Ends NATS last: the others have something to write into it. */
function ended() {
  if (processes.size === 0) rmSync(store, { recursive: true, force: true })
  else if ([...processes.keys()].every(left => left === 'nats')) processes.get('nats').kill('SIGTERM')
}

function say(name, line) {
  process.stdout.write(`${name.padEnd(10)} ${line.startsWith('{') ? JSON.parse(line).msg : line}\n`)
}
