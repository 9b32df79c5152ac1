/**
 * Tells people the progress: on a terminal in one line that changes each second, elsewhere in one line for each run.
 */
import type { WriteStream } from 'node:tty'
import type { Progress } from '../processes/session.js'

const CLEAR_LINE = '\r\x1b[K'

export class ProgressLine {
  private readonly out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY'>>
  private name = ''

  constructor(out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY'>>) {
    this.out = out
  }

  begin(name: string): void {
    this.name = name
    if (this.out.isTTY) this.out.write(`${CLEAR_LINE}${name} …`)
    else this.out.write(`${name}\n`)
  }

  readonly show = (progress: Progress): void => {
    if (!this.out.isTTY) return
    const { seconds, deliveredPerSecond, cpuUsPerTick, loadCores } = progress
    const figures = [
      `${seconds.toFixed(0)} s`,
      `${Math.round(deliveredPerSecond).toLocaleString('en-US')} ticks/s delivered`,
      `${cpuUsPerTick.toPrecision(3)} µs each`,
      `load ${Math.round(loadCores * 100)} %`,
    ]
    this.out.write(`${CLEAR_LINE}${this.name}: ${figures.join(', ')}`)
  }

  clear(): void {
    if (this.out.isTTY) this.out.write(CLEAR_LINE)
  }
}
