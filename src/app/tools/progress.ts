/** A bar of progress on stderr, if that is a terminal. Main thread. */
import type { ToolHost } from './tool-host.js'

const WIDTH = 30
const CLEAR_LINE = '\r\x1b[K'

export class Progress {
  private readonly host: ToolHost
  private isShown = false

  constructor(host: ToolHost) {
    this.host = host
  }

  /** @param share 0 to 1 */
  show(share: number, text: string): void {
    if (!this.host.isErrTerminal) return
    const full = Math.round(Math.min(1, Math.max(0, share)) * WIDTH)
    this.host.err(`${CLEAR_LINE}[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${text}`)
    this.isShown = true
  }

  end(): void {
    if (this.isShown) this.host.err(CLEAR_LINE)
  }
}
