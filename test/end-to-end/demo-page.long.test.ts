/** The page with prices in a real browser. Needs Chromium; where there is none, the test of the browser is skipped. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { ClientServer } from '../../src/clients/client-server.js'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'
import { readPage, type WebPage } from '../../src/common/web-pages.js'
import { BROWSER_TIMEOUT_MS, NO_BROWSER } from '../support/browser.js'
import { SMALL } from '../support/handler-server.js'
import { RealBrowser, type RealPage } from '../support/real-page.js'
import { quote } from '../support/ticks.js'

let browser: RealBrowser | undefined
let handler: StreamHandler
let server: ClientServer
let timer: NodeJS.Timeout
let shown: RealPage | undefined

beforeAll(async () => {
  browser = await RealBrowser.start()
}, BROWSER_TIMEOUT_MS)

afterAll(() => browser?.close())

afterEach(async () => {
  clearInterval(timer)
  await shown?.close()
  shown = undefined
  server.close()
  await handler.shutdown()
})

/** @returns the address of the page */
async function start(page: WebPage | undefined): Promise<string> {
  handler = new StreamHandler({ ...SMALL, compression: true, compressionMinBytes: 16 })
  server = new ClientServer({
    host: '127.0.0.1',
    port: 0,
    handleUpgrade: (request, socket, head) => handler.handleUpgrade(request, socket, head),
    pendingMax: 10,
    page,
    clock: systemClock,
    log: silentLog,
  })
  const { port } = await server.listen()
  return `http://127.0.0.1:${port}/`
}

describe('the port of clients', () => {
  it('serves the files of the page, which may load nothing else, and refuses all other requests', async () => {
    const url = await start(readPage('demo'))
    for (const path of ['', 'main.js', 'style.css', '?a=b']) {
      const response = await fetch(`${url}${path}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('connection')).toBe('close')
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self';/,
      )
      expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')))
    }
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    for (const [path, method] of [
      ['', 'POST'],
      ['index.html', 'GET'],
      ['../package.json', 'GET'],
      ['ws/ticks', 'GET'],
    ] as const)
      expect((await fetch(`${url}${path}`, { method })).status).toBe(426)
  })

  it('serves nothing where there is no page', async () => {
    const url = await start(undefined)
    expect((await fetch(url)).status).toBe(426)
  })
})

describe('the page with prices in a browser', () => {
  it(
    'shows prices that tick, obeys its switches, tells a gap, and loses nothing when its connection is cut',
    async ({ skip }) => {
      const url = await start(readPage('demo'))
      skip(browser === undefined, NO_BROWSER)
      let sequence = 0
      timer = setInterval(() => {
        handler.broadcastTick(quote('A', ++sequence))
        handler.broadcastTick(quote('B', sequence))
      }, 10)
      shown = await browser!.open(url, 'dark')
      const { page } = shown
      await shown.text('#state', /^live, the feed is/)
      await shown.text('#prices tbody tr:nth-child(2)', /^B\d+\.25\d+\.5–\d+$/)
      const before = await page.textContent('#prices tbody')
      await shown.until(`document.querySelector('#prices tbody').textContent !== ${JSON.stringify(before)}`)
      await shown.text('#merged', /^[1-9]\d*\/s$/)
      expect(await shown.violations()).toEqual([])
      await page.uncheck('#conflation')
      await shown.text('#merged', /^0\/s$/)
      expect(handler.getClientCount()).toBe(1)
      await shown.text('#compressed', /is compressed/)
      await page.uncheck('#compression')
      await shown.text('#compressed', /is plain/)
      await shown.text('#connections', /^2$/)
      await shown.text('#state', /^live/)
      handler.gap({ missed: 7 })
      await shown.text('#missing', /^7$/)
      await shown.text('#log-list', /7 ticks are missing: upstream/)
      await page.click('#cut')
      await shown.text('#connections', /^3$/)
      await shown.text('#state', /^live/)
      await shown.text('#missing', /^7$/)
      await page.selectOption('#theme', 'light')
      expect(await shown.violations()).toEqual([])
      expect(shown.faults).toEqual([])
    },
    BROWSER_TIMEOUT_MS,
  )
})
