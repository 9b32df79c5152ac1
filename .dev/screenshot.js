/**
 * `node .dev/screenshot.js`, after `npm run build`: takes the picture of the dashboard that README.md shows. A gateway
 * serves quick clients for a minute. Then two do not read any more, so that the page shows who is slow. It needs
 * Chromium.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'
import { browserPath } from '../dist/test/support/browser.js'

const MAIN = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))
const PICTURE = fileURLToPath(new URL('../docs/images/dashboard.png', import.meta.url))
const RATE = 6000
const QUIET_MS = 60_000
const LAG_MS = 4000
const QUICK = ['', '?delivery=latest&interval=250', '?symbols=SYM0001,SYM0002,SYM0003']
const QUICK_COUNT = 21
const SIZE = { width: 1240, height: 1090 }

const gateway = spawn(
  process.execPath,
  [MAIN, '--port=0', '--admin-port=0', `--feed-rate=${RATE}`, '--log-format=json'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
const browser = await chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox'] })
try {
  const { adminUrl, webSocketUrl } = await urls()
  const url = webSocketUrl.replace('[::]', 'localhost')
  for (let client = 0; client < QUICK_COUNT; client++) await connect(url + QUICK[client % QUICK.length])
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
  await page.goto(adminUrl)
  await setTimeout(QUIET_MS)
  for (let client = 0; client < 2; client++) (await connect(url)).pause()
  while ((await longestLagMs(adminUrl)) < LAG_MS) await setTimeout(200)
  // The page shows it with the next overview.
  await setTimeout(1000)
  await page.screenshot({ path: PICTURE })
} finally {
  await browser.close()
  gateway.kill()
}

/** As the log of the gateway names them. */
function urls() {
  return new Promise((resolve, reject) => {
    createInterface({ input: gateway.stdout }).on('line', line => {
      if (line.includes('"adminUrl"')) resolve(JSON.parse(line))
    })
    gateway.once('exit', () => reject(new Error('the gateway has ended')))
  })
}

async function connect(url) {
  const socket = new WebSocket(url)
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

async function longestLagMs(adminUrl) {
  const response = await fetch(`${adminUrl}/clients?limit=1`)
  const { clients } = await response.json()
  return clients[0].lagMs
}
