/**
 * Pages in a real browser, driven by playwright-core. Each page remembers what it must not do: errors in its console, and
 * requests to another host.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { BROWSER_TIMEOUT_MS, browserPath } from './browser.js'

const LOOK_MS = 50
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export class RealBrowser {
  private readonly browser: Browser

  private constructor(browser: Browser) {
    this.browser = browser
  }

  /** @returns undefined when there is no Chromium */
  static async start(): Promise<RealBrowser | undefined> {
    const executablePath = browserPath()
    if (executablePath === undefined) return undefined
    const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
    return new RealBrowser(await chromium.launch({ executablePath, args, timeout: BROWSER_TIMEOUT_MS }))
  }

  async open(url: string, colorScheme: 'light' | 'dark' = 'light'): Promise<RealPage> {
    const context = await this.browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } })
    const page = await context.newPage()
    page.setDefaultTimeout(BROWSER_TIMEOUT_MS)
    const faults: string[] = []
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
    })
    page.on('pageerror', error => faults.push(String(error)))
    page.on('request', request => {
      if (new URL(request.url()).host !== new URL(url).host && !request.url().startsWith('data:'))
        faults.push(`a request to ${request.url()}`)
    })
    await page.goto(url)
    return new RealPage(page, faults)
  }

  async close(): Promise<void> {
    await this.browser.close()
  }
}

export class RealPage {
  readonly page: Page
  /** Empty: the page did nothing wrong. */
  readonly faults: readonly string[]

  constructor(page: Page, faults: readonly string[]) {
    this.page = page
    this.faults = faults
  }

  /** Waits until the text of an element satisfies a rule. @returns the text */
  async text(selector: string, rule: RegExp): Promise<string> {
    await this.until(`${rule}.test(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '')`)
    return (await this.page.textContent(selector)) ?? ''
  }

  /** Waits until an expression of JavaScript is true in the page. The policy of the page lets it not wait by itself. */
  async until(expression: string): Promise<void> {
    while ((await this.page.evaluate(expression)) !== true) await setTimeout(LOOK_MS)
  }

  /** @returns what axe finds wrong, as rule and elements */
  async violations(): Promise<string[]> {
    // The debugger is not bound by the policy of the page.
    await this.page.evaluate(AXE)
    const { violations } = (await this.page.evaluate('axe.run()')) as {
      violations: { id: string; nodes: { html: string }[] }[]
    }
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }

  /** Presses Tab until the element that matches has the focus. */
  async tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < 60; presses++) {
      await this.page.keyboard.press('Tab')
      if (await this.page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return
    }
    throw new Error(`Tab does not reach ${selector}`)
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }
}
