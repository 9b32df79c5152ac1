/** The dashboard in a real browser. Needs Chromium; where there is none, these tests are skipped. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readPage } from '../../src/common/web-pages.js'
import { AdminStage, type AdminStageOptions } from '../support/admin-stage.js'
import { BROWSER_TIMEOUT_MS, NO_BROWSER } from '../support/browser.js'
import { RealBrowser, type RealPage } from '../support/real-page.js'
import { quote } from '../support/ticks.js'

const TOKEN = 'a-token/of+a=test:"quoted"'
const BYTES_MAX = 100 * 1024

let browser: RealBrowser | undefined
let stage: AdminStage
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
  await stage?.stop()
})

/** Begins ticks of A and, half as many, of B. */
async function start(options: AdminStageOptions = {}): Promise<void> {
  stage = await AdminStage.start(options)
  let sequence = 0
  timer = setInterval(() => {
    stage.server.handler.broadcastTick(quote('A', ++sequence))
    if (sequence % 2 === 0) stage.server.handler.broadcastTick(quote('B', sequence))
  }, 10)
}

async function open(colorScheme?: 'light' | 'dark'): Promise<RealPage> {
  shown = await browser!.open(stage.url, colorScheme)
  return shown
}

it('the files of the dashboard take less than 100 KiB', () => {
  const files = readPage('dashboard')
  expect([...files.keys()].sort()).toEqual(['/', '/main.js', '/style.css'])
  expect([...files.values()].reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(BYTES_MAX)
})

describe('the dashboard in a browser', () => {
  it(
    'shows figures that move, in light and dark, for a screen reader too, and asks no other host',
    async ({ skip }) => {
      skip(browser === undefined, NO_BROWSER)
      await start()
      await stage.server.connect()
      const { page, text, violations } = bound(await open('dark'))
      await text('#source', /^live$/)
      await text('#clients-now', /^1$/)
      await text('#ticks-in', /^1\d\d\/s$|^[5-9]\d\/s$/)
      await text('#amplification', /^× (1|0\.9\d+|1\.0\d*)$/)
      await text('#latency-now', /p50 .*p99 .*p99\.9/)
      await text('#histogram-now', /most took up to/)
      // The ticks of this test are of 2024.
      await text('#feed-latency-now', /From the feed to the gateway, by the time that ticks bear: p50 10 s/)
      await text('#lanes tbody', /^1\.0running0/)
      await text('#symbols tbody tr', /^A\d+67 %$/)
      await text('#event-list', /a client has come \(client: /)
      const first = await page.textContent('#ticks-in + dd')
      await shown!.until(`document.querySelector('#ticks-in + dd').textContent !== ${JSON.stringify(first)}`)
      const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
      const dark = await background()
      expect(await violations()).toEqual([])
      await page.selectOption('#theme', 'light')
      expect(await background()).not.toBe(dark)
      expect(await violations()).toEqual([])
      await page.reload()
      expect(await page.inputValue('#theme')).toBe('light')
      expect(shown!.faults).toEqual([])
    },
    BROWSER_TIMEOUT_MS,
  )

  it(
    'a slow client is found, and disconnected by keyboard',
    async ({ skip }) => {
      skip(browser === undefined, NO_BROWSER)
      stage = await AdminStage.start()
      const slow = await stage.server.connect('?symbols=*')
      await stage.server.connect('?symbols=A,B')
      slow.socket.pause()
      await stage.server.pushUntilBlocked()
      const { page, tabTo, text, violations } = bound(await open())
      const id = await page.textContent('#clients tbody tr:first-child th')
      const [subscribed] = slow.messages
      expect(id).toBe((subscribed as { client: string }).client)
      await text('#clients tbody tr:first-child', /blocked/)
      await text('#lanes tbody td:nth-child(6)', /^[1-9][\d.]* % of 1 MiB$/)
      // By entries the other one comes first, and by the bytes that wait this one again.
      await tabTo('#clients th:nth-child(12) button')
      await page.keyboard.press('Enter')
      await text('#clients-title', /^Clients with the most entries$/)
      expect(await page.getAttribute('#clients th:nth-child(12)', 'aria-sort')).toBe('descending')
      await text('#clients tbody tr:first-child td:last-child', /^Disconnect$/)
      await shown!.until(`document.querySelector('#clients tbody th').textContent !== ${JSON.stringify(id)}`)
      expect(await violations()).toEqual([])
      await page.click('#clients th:nth-child(7) button')
      await text('#clients tbody tr:first-child th', new RegExp(`^${id}$`))
      expect(await page.getAttribute('#clients th:nth-child(5)', 'aria-sort')).toBe(null)
      await tabTo('#clients tbody tr:first-child button')
      await page.keyboard.press('Enter')
      await text('#confirm-title', new RegExp(`^Disconnect client ${id}\\?$`))
      expect(await violations()).toEqual([])
      // The safe choice has the focus.
      await page.keyboard.press('Enter')
      await page.waitForSelector('#confirm', { state: 'hidden' })
      expect(stage.server.handler.getClientCount()).toBe(2)
      // The focus is where it was.
      await page.keyboard.press('Enter')
      await tabTo('#confirm button[value=yes]')
      await page.keyboard.press('Enter')
      await text('#closing', /is being disconnected/)
      slow.socket.resume()
      await slow.until(() => slow.closed !== undefined)
      expect(slow.closed).toMatchObject({ code: 4010 })
      await shown!.until(`document.querySelectorAll('#clients tbody tr').length === 1`)
      expect(shown!.faults).toEqual([])
    },
    BROWSER_TIMEOUT_MS,
  )

  it(
    'a lane that has died and was replaced appears, and so does its event',
    async ({ skip }) => {
      skip(browser === undefined, NO_BROWSER)
      await start({ laneFile: new URL('../support/lanes/throws-at-symbol.js', import.meta.url).href })
      await stage.server.connect()
      const { text } = bound(await open())
      await text('#lanes tbody', /^1\.0running0/)
      stage.server.handler.broadcastTick(quote('FATAL', 1))
      await text('#lanes tbody', /^1\.0(running|being replaced)[1-9]/)
      await text('#event-list', /error: a lane failed and is replaced/)
      expect(shown!.faults).toEqual([])
    },
    BROWSER_TIMEOUT_MS,
  )

  it(
    'asks for the token where there is one, says when it is wrong, and when the gateway is away',
    async ({ skip }) => {
      skip(browser === undefined, NO_BROWSER)
      await start({ token: TOKEN })
      const { page, text, violations } = bound(await open())
      await text('#access-why', /wants a token/)
      expect(await violations()).toEqual([])
      await page.keyboard.type('wrong')
      await page.keyboard.press('Enter')
      await text('#access-why', /was wrong/)
      await page.fill('#token', TOKEN)
      await page.keyboard.press('Enter')
      await text('#ticks-in', /\d\/s/)
      expect(await page.isHidden('#access')).toBe(true)
      clearInterval(timer)
      await stage.closeAdmin()
      await text('#connection', /does not answer; these figures are of \d\d:/)
    },
    BROWSER_TIMEOUT_MS,
  )
})

/** With methods that need no `this`. */
function bound(real: RealPage) {
  return {
    page: real.page,
    text: real.text.bind(real),
    violations: real.violations.bind(real),
    tabTo: real.tabTo.bind(real),
  }
}
