/**
 * A page that shows 500 prices of a feed with 50,000 ticks a second, in a real browser: with the client, and with a plain
 * WebSocket that parses each message. `SDK_MEASURE=1` measures longer, and prints the figures.
 */
import { afterEach, expect, it } from 'vitest'
import {
  BROWSER_TIMEOUT_MS,
  browserPath,
  CLIENT_FILES,
  NO_BROWSER,
  runInBrowser,
} from '../../support/browser.js'
import { Ringcast } from '../../support/ringcast-process.js'

const RATE = 50_000
const SYMBOLS = 500
/** Of each way, after as much time to warm up. */
const MEASURED_MS = process.env.SDK_MEASURE === undefined ? 1_000 : 5_000

interface Figures {
  readonly framesPerSecond: number
  readonly ticksPerSecond: number
  readonly longestTaskMs: number
  readonly blockedShare: number
}

const path = browserPath()
let ringcast: Ringcast | undefined

afterEach(async () => {
  await ringcast?.kill('SIGKILL')
})

/** Each way begins to write the newest price of a symbol into `prices`, counts its ticks, and returns its end. */
const WAYS = {
  nothing: '() => () => {}',
  clientLatest: `(url, take) => {
    const stream = connect(url)
    stream.subscribe('*', { delivery: 'latest', interval: 50 }).on('ticks', ({ ticks }) => ticks.forEach(take))
    return () => stream.close()
  }`,
  clientEvery: `(url, take) => {
    const stream = connect(url)
    stream.subscribe('*').on('ticks', ({ ticks }) => ticks.forEach(take))
    return () => stream.close()
  }`,
  plainEvery: `(url, take) => {
    const socket = new WebSocket(url)
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data)
      if (message.type === 'ticks') message.ticks.forEach(take)
    }
    return () => socket.close()
  }`,
}

const SCRIPT = `async url => {
  const { connect } = await import('/ringcast-client.js')
  const cells = new Map()
  const prices = new Map()
  let count = 0
  const take = tick => { count++; prices.set(tick.symbol, tick) }
  const draw = () => {
    for (const [symbol, { bid, price }] of prices) {
      let cell = cells.get(symbol)
      if (cell === undefined) cells.set(symbol, (cell = document.body.appendChild(document.createElement('span'))))
      cell.textContent = symbol + ' ' + (bid ?? price)
    }
    prices.clear()
  }
  const tasks = []
  new PerformanceObserver(list => tasks.push(...list.getEntries())).observe({ type: 'longtask' })
  const watch = async ms => {
    const startMs = performance.now()
    let frames = 0
    count = 0
    while (performance.now() - startMs < ms) { await new Promise(requestAnimationFrame); draw(); frames++ }
    const seconds = (performance.now() - startMs) / 1000
    await new Promise(setTimeout)
    const long = tasks.filter(({ startTime }) => startTime >= startMs).map(({ duration }) => duration)
    return {
      framesPerSecond: frames / seconds,
      ticksPerSecond: count / seconds,
      longestTaskMs: Math.max(0, ...long),
      blockedShare: long.reduce((sum, each) => sum + each, 0) / seconds / 1000,
    }
  }
  const seen = {}
  for (const [name, begin] of Object.entries({ ${Object.entries(WAYS)
    .map(([name, way]) => `${name}: ${way}`)
    .join(', ')} })) {
    const end = begin(url, take)
    await watch(${MEASURED_MS})
    seen[name] = await watch(${MEASURED_MS})
    end()
  }
  return seen
}`

it(
  'a page with views of the latest prices draws as often as one without ticks',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    ringcast = new Ringcast([`--feed-symbols=${SYMBOLS}`, `--feed-rate=${RATE}`])
    const { webSocketUrl } = await ringcast.streaming()
    const seen = (await runInBrowser(path!, SCRIPT, webSocketUrl, CLIENT_FILES)) as Record<
      keyof typeof WAYS,
      Figures
    >
    if (process.env.SDK_MEASURE !== undefined) console.error(seen)
    const { clientLatest, nothing, plainEvery } = seen
    expect(clientLatest.ticksPerSecond).toBeGreaterThan(SYMBOLS)
    expect(clientLatest.framesPerSecond).toBeGreaterThan(0.5 * nothing.framesPerSecond)
    expect(clientLatest.framesPerSecond).toBeGreaterThan(0.9 * plainEvery.framesPerSecond)
  },
  BROWSER_TIMEOUT_MS,
)
