/** The client in a real browser. Needs Chromium; where there is none, these tests are skipped. */
import { afterEach, expect, it } from 'vitest'
import {
  BROWSER_TIMEOUT_MS,
  browserPath,
  CLIENT_FILES,
  NO_BROWSER,
  runInBrowser,
} from '../../support/browser.js'
import { HandlerServer } from '../../support/handler-server.js'
import { exampleOf, readPage } from '../../support/markdown.js'
import { quote } from '../../support/ticks.js'

const path = browserPath()
let server: HandlerServer
let timer: NodeJS.Timeout

afterEach(async () => {
  clearInterval(timer)
  await server?.stop()
})

it(
  'no tick is missing or doubled in a page whose connection is cut',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    server = await HandlerServer.start()
    let sequence = 0
    timer = setInterval(() => {
      server.handler.broadcastTick(quote('A', ++sequence))
      if (sequence % 40 === 0) server.sockets.at(-1)?.destroy()
    }, 5)
    const script = `async url => {
      const { connect } = await import('/ringcast-client.js')
      const stream = connect(url, { random: () => 0 })
      const sequences = []
      const states = []
      let gaps = 0
      stream.on('state', ({ state }) => states.push(state))
      for await (const item of stream.subscribe('A')) {
        if (item.type === 'gap') gaps++
        if (item.type === 'ticks') sequences.push(...item.ticks.map(tick => tick.sequence))
        if (sequences.length >= 200) break
      }
      stream.close()
      return { gaps, sequences, states }
    }`
    const seen = (await runInBrowser(path!, script, server.url(), CLIENT_FILES)) as {
      gaps: number
      sequences: number[]
      states: string[]
    }
    expect(seen.gaps).toBe(0)
    expect(seen.sequences).toEqual(seen.sequences.map((_, index) => seen.sequences[0]! + index))
    expect(seen.states.filter(state => state === 'reconnecting').length).toBeGreaterThanOrEqual(2)
  },
  BROWSER_TIMEOUT_MS,
)

it(
  'the page of the README shows prices, also after its connection was cut',
  async ({ skip }) => {
    skip(path === undefined, NO_BROWSER)
    server = await HandlerServer.start()
    let sequence = 0
    timer = setInterval(() => {
      server.handler.broadcastTick(quote('A', ++sequence))
      if (sequence % 100 === 0) server.sockets.at(-1)?.destroy()
    }, 10)
    const page = exampleOf(readPage('packages/client/README.md'), 'page').replace(
      'ws://localhost:8080/ws/ticks',
      server.url(),
    )
    const script = `async page => {
      const frame = document.createElement('iframe')
      frame.srcdoc = page
      document.body.append(frame)
      await new Promise(resolve => { frame.onload = resolve })
      const shown = frame.contentDocument.querySelector('#prices')
      const states = new Set()
      const bids = new Set()
      await new Promise(resolve => {
        new frame.contentWindow.MutationObserver(() => {
          states.add(shown.textContent.split(',')[0])
          if (states.has('reconnecting') && shown.textContent.startsWith('live'))
            bids.add(shown.textContent.split('\\n')[1])
          if (bids.size >= 3) resolve()
        }).observe(shown, { childList: true, characterData: true, subtree: true })
      })
      return shown.textContent
    }`
    const shown = await runInBrowser(path!, script, page, CLIENT_FILES)
    expect(shown).toMatch(/^live, the feed is live\nA \d+\.25 \d+\.5$/)
  },
  BROWSER_TIMEOUT_MS,
)
