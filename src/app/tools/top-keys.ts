/**
 * The keys by which `ringcast top` is told what to show first. Main thread.
 */
import { setTimeout } from 'node:timers/promises'
import type { ClientSort } from '../../metrics/client-view.js'
import type { ToolHost } from './tool-host.js'

export const SORT_KEYS: Readonly<Record<ClientSort, string>> = {
  lag: 'l',
  bytes: 'b',
  ticks: 't',
  gaps: 'g',
  age: 'a',
  sent: 's',
  subscriptions: 'e',
}
export const QUIT_KEY = 'q'

const SORTS = Object.keys(SORT_KEYS) as readonly ClientSort[]

/** Why a pause has ended. */
export type PauseEnd = 'time' | 'sort' | 'quit'

export class TopKeys {
  sort: ClientSort
  private readonly signal: AbortSignal
  private readonly release: () => void
  /** What was pressed since the last pause. */
  private pressed: PauseEnd | undefined
  private pausing: AbortController | undefined

  /** @param host undefined: there are no keys */
  constructor(sort: ClientSort, signal: AbortSignal, host: Pick<ToolHost, 'onKey'> | undefined) {
    this.sort = sort
    this.signal = signal
    this.release = host?.onKey(key => this.press(key)) ?? (() => {})
  }

  /** Waits, until a key is pressed at most. @throws an `AbortError` when the tool is ended */
  async pause(ms: number): Promise<PauseEnd> {
    this.pausing = new AbortController()
    const signal = AbortSignal.any([this.signal, this.pausing.signal])
    try {
      if (this.pressed === undefined) await setTimeout(ms, undefined, { signal })
    } catch (error) {
      if (this.signal.aborted) throw error
    } finally {
      this.pausing = undefined
    }
    const { pressed = 'time' } = this
    this.pressed = undefined
    return pressed
  }

  stop(): void {
    this.release()
  }

  private press(key: string): void {
    const sort = SORTS.find(each => SORT_KEYS[each] === key.toLowerCase())
    if (key.toLowerCase() === QUIT_KEY) this.pressed = 'quit'
    else if (sort !== undefined && this.pressed !== 'quit') {
      this.sort = sort
      this.pressed = 'sort'
    } else return
    this.pausing?.abort()
  }
}
