import type { ToolHost } from '../../src/app/tools/tool-host.js'
import { Watched } from './watched.js'

/** Collects what a tool prints. */
export class TestToolHost extends Watched implements ToolHost {
  stdout = ''
  stderr = ''
  readonly isTerminal: boolean
  readonly isErrTerminal: boolean
  readonly hasColours = false
  private readonly ending = new AbortController()
  private pressed: ((key: string) => void) | undefined

  constructor({ isTerminal = false } = {}) {
    super()
    this.isTerminal = isTerminal
    this.isErrTerminal = isTerminal
  }

  get signal(): AbortSignal {
    return this.ending.signal
  }

  get lines(): string[] {
    return this.stdout.split('\n').filter(line => line !== '')
  }

  size() {
    return { columns: 80, rows: 24 }
  }

  out(text: string): void {
    this.stdout += text
    this.changed()
  }

  err(text: string): void {
    this.stderr += text
    this.changed()
  }

  onKey(pressed: (key: string) => void): () => void {
    this.pressed = pressed
    return () => {
      this.pressed = undefined
    }
  }

  /** @returns false when nobody reads keys */
  press(key: string): boolean {
    this.pressed?.(key)
    return this.pressed !== undefined
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.ending.abort()
  }
}
