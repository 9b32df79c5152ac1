/** The hooks in a real browser, with React in its strict mode. Needs Chromium; where there is none, these tests are skipped. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RingcastProvider, useStatus, useTick, useTicks } from '@ringcast/react'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { rolldown } from 'rolldown'
import { afterEach, expect, it } from 'vitest'
import { BROWSER_TIMEOUT_MS, browserPath, NO_BROWSER, runInBrowser } from '../../support/browser.js'
import { HandlerServer } from '../../support/handler-server.js'
import { exampleOf, readPage } from '../../support/markdown.js'
import { quote, trade } from '../../support/ticks.js'

/** `SDK_MEASURE=1` prints what was measured. */
const MEASURED_MS = process.env.SDK_MEASURE === undefined ? 500 : 5_000
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

const path = browserPath()
let server: HandlerServer
let timer: NodeJS.Timeout

afterEach(async () => {
  clearInterval(timer)
  await server?.stop()
})

/** Imports of a page's own, as if it stood at the root. */
const PAGE = `${ROOT}page.jsx`

/** One file of what a page loads. @param mode of React: strict mode mounts twice in development alone */
async function bundle(source: string, mode: 'development' | 'production'): Promise<string> {
  const build = await rolldown({
    input: PAGE,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': JSON.stringify(mode) } },
    plugins: [
      {
        name: 'page',
        resolveId: id => (id === PAGE ? id : null),
        load: id => (id === PAGE ? { code: source, moduleType: 'jsx' } : null),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm' })
  await build.close()
  return output[0].code
}

it(
  'components on one symbol share a subscription, also when they leave and come back, and go on after a cut',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    server = await HandlerServer.start()
    let sequence = 0
    timer = setInterval(() => {
      sequence++
      server.handler.broadcastTick(quote('A', sequence))
      server.handler.broadcastTick(trade('A', sequence))
      server.handler.broadcastTick(quote('BB', sequence))
      server.handler.broadcastTick(quote('C', sequence))
      if (sequence % 200 === 0) server.sockets.at(-1)?.destroy()
    }, 5)
    const script = `async url => {
      const { createElement: h, createRoot, RingcastProvider, StrictMode, useStatus, useTick, useTicks } = await import('/page.js')
      const commands = []
      class Watched extends WebSocket {
        send(data) { commands.push(JSON.parse(data)); super.send(data) }
      }
      const seen = { quotes: [], trades: new Set(), states: new Set(), sizes: new Set() }
      let renders = 0
      const Quote = () => {
        const tick = useTick('A', { kind: 'quote' })
        renders++
        if (tick) seen.quotes.push(tick.sequence)
        return tick?.bid ?? null
      }
      const Trade = () => { seen.trades.add(useTick('A', { kind: 'trade' })?.kind); return null }
      const Prefix = () => { seen.sizes.add([...useTicks(['B*']).keys()].join()); return null }
      let alone
      const Alone = () => { alone = useTick('C', { kind: 'quote' })?.sequence; return null }
      const Nothing = () => { useTick(undefined); useTicks([]); return null }
      const Refused = () => { useTick('*A'); return null }
      const refusals = []
      const Status = () => { seen.states.add(useStatus()?.state); return null }
      const options = { WebSocket: Watched, random: () => 0 }
      const onRefused = ({ code, symbol }) => refusals.push(symbol + ' ' + code)
      const page = shown => h(StrictMode, null, h(RingcastProvider, { url, options, onRefused },
        h(Status), h(Prefix), h(Trade), h(Nothing), h(Refused), shown && h(Quote), shown && h(Quote), shown && h(Alone)))
      const root = createRoot(document.body.appendChild(document.createElement('div')))
      const until = async isDone => { while (!isDone()) await new Promise(requestAnimationFrame) }
      root.render(page(true))
      await until(() => seen.quotes.length > 20 && alone > 0)
      root.render(page(false))
      await new Promise(requestAnimationFrame)
      alone = undefined
      root.render(page(true))
      await new Promise(resolve => queueMicrotask(() => setTimeout(resolve)))
      const shownAtOnce = alone
      await until(() => seen.states.has('reconnecting'))
      const before = seen.quotes.at(-1)
      await until(() => seen.quotes.at(-1) > before + 20)
      const subscribed = commands.filter(({ type, resume }) => type === 'subscribe' && resume === undefined).flatMap(({ symbols }) => symbols)
      const unsubscribed = commands.filter(({ type }) => type === 'unsubscribe').length
      let frames = 0
      renders = 0
      const count = () => { frames++; requestAnimationFrame(count) }
      requestAnimationFrame(count)
      await new Promise(resolve => setTimeout(resolve, 500))
      root.unmount()
      return { refusals, shownAtOnce, subscribed, unsubscribed, trades: [...seen.trades], sizes: [...seen.sizes], states: [...seen.states], frames, renders }
    }`
    const source = `export { createElement, StrictMode } from 'react'
      export { createRoot } from 'react-dom/client'
      export { RingcastProvider, useStatus, useTick, useTicks } from '@ringcast/react'`
    const files = { '/page.js': await bundle(source, 'development') }
    const seen = (await runInBrowser(path!, script, server.url(), files)) as {
      refusals: string[]
      shownAtOnce: number | undefined
      subscribed: string[]
      unsubscribed: number
      trades: string[]
      sizes: string[]
      states: string[]
      frames: number
      renders: number
    }
    expect(seen.subscribed.filter(symbol => symbol !== '*A').sort()).toEqual(['A', 'B*', 'C'])
    expect(seen.shownAtOnce).toBeGreaterThan(0)
    expect(new Set(seen.refusals)).toEqual(new Set(['*A bad_symbol']))
    expect(seen.unsubscribed).toBe(0)
    expect(seen.trades).toContain('trade')
    expect(seen.sizes).toContain('BB')
    expect(seen.states).toEqual(expect.arrayContaining(['connecting', 'live', 'reconnecting']))
    // Two components, each rendered twice by strict mode, once a frame at most.
    expect(seen.renders).toBeLessThanOrEqual(4 * (seen.frames + 1))
    await server.until(() => server.handler.getClientCount() === 0)
  },
  BROWSER_TIMEOUT_MS,
)

it('a server renders without a connection, and no timer is left', () => {
  let connections = 0
  class NoWebSocket {
    constructor() {
      connections++
    }
    send(): void {}
    close(): void {}
  }
  const Price = () => `${useTick('A')?.kind} ${useTicks(['B*']).size} ${useStatus()?.state}`
  const timers = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const html = renderToString(
    createElement(
      RingcastProvider,
      { url: 'ws://localhost/ws/ticks', options: { WebSocket: NoWebSocket } },
      createElement(Price),
    ),
  )
  expect(html).toBe('undefined 0 undefined')
  expect(connections).toBe(0)
  expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length).toBe(timers)
})

it(
  'the example of the README shows the price',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    server = await HandlerServer.start()
    let sequence = 0
    timer = setInterval(() => server.handler.broadcastTick(quote('SYM0001', ++sequence)), 10)
    const code = exampleOf(readPage('packages/react/README.md'), 'react').replace(
      'ws://localhost:8080/ws/ticks',
      server.url(),
    )
    const script = `async () => {
      await import('/example.js')
      // React leaves the scripts of a body.
      const isDone = () => /^SYM0001: [0-9.]+ . [0-9.]+ .live, the feed is live.$/.test(document.querySelector('p')?.textContent)
      while (!isDone()) await new Promise(requestAnimationFrame)
    }`
    await runInBrowser(path!, script, null, { '/example.js': await bundle(code, 'production') })
  },
  BROWSER_TIMEOUT_MS,
)

it(
  'the example of 500 cells shows them all, each once a frame at most',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    server = await HandlerServer.start({ tickLogBytes: 16 << 20, frameRingBytes: 16 << 20 })
    const symbols = Array.from({ length: 500 }, (_, index) => `SYM${String(index + 1).padStart(4, '0')}`)
    let sequence = 0
    // 10,000 ticks a second.
    timer = setInterval(() => {
      sequence++
      for (const symbol of symbols.slice((sequence % 5) * 100, (sequence % 5) * 100 + 100))
        server.handler.broadcastTick(quote(symbol, sequence))
    }, 10)
    const script = `async url => {
      history.replaceState(null, '', '?url=' + encodeURIComponent(url))
      document.body.innerHTML = '<div id="root"></div>'
      await import('/grid.js')
      const cells = () => [...document.querySelectorAll('#grid div')]
      const until = async isDone => { while (!isDone()) await new Promise(requestAnimationFrame) }
      await until(() => cells().length === 500 && cells().every(cell => cell.dataset.sequence !== undefined))
      let longTasks = 0
      let longest = 0
      new PerformanceObserver(list => {
        for (const { duration } of list.getEntries()) { longTasks++; longest = Math.max(longest, duration) }
      }).observe({ type: 'longtask' })
      let changes = 0
      new MutationObserver(list => { changes += list.length }).observe(document.querySelector('#grid'), { subtree: true, characterData: true })
      let frames = 0
      const start = performance.now()
      await until(() => { frames++; return performance.now() - start > ${MEASURED_MS} })
      const seconds = (performance.now() - start) / 1000
      return { frames, changes, seconds, longTasks, longest, status: document.querySelector('#status').textContent }
    }`
    const files = {
      '/grid.js': await bundle(readFileSync(`${ROOT}examples/react-grid/grid.jsx`, 'utf8'), 'production'),
    }
    const seen = (await runInBrowser(path!, script, server.url(), files)) as {
      frames: number
      changes: number
      seconds: number
      longTasks: number
      longest: number
      status: string
    }
    if (process.env.SDK_MEASURE !== undefined) console.error(seen)
    expect(seen.status).toBe('live, the feed is live')
    expect(seen.changes).toBeGreaterThan(100)
    expect(seen.changes).toBeLessThanOrEqual(500 * (seen.frames + 1))
  },
  BROWSER_TIMEOUT_MS,
)
