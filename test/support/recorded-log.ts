/**
 * A log that keeps its lines, so that tests can wait for one.
 */
import type { Log } from '../../src/common/log.js'
import { Watched } from './watched.js'

export interface RecordedLine {
  readonly level: string
  readonly message: string
  readonly [detail: string]: unknown
}

export class RecordedLog extends Watched implements Log {
  readonly lines: RecordedLine[] = []
  readonly debug = this.writer('debug')
  readonly info = this.writer('info')
  readonly warn = this.writer('warn')
  readonly error = this.writer('error')

  with(message: string): RecordedLine[] {
    return this.lines.filter(line => line.message.includes(message))
  }

  private writer(level: string) {
    return (details: object, message: string): void => {
      this.lines.push({ ...details, level, message })
      this.changed()
    }
  }
}
