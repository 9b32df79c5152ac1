/** Keeps the position of a stream in a storage, so that a page that is loaded again resumes. */
import type { Storage, Time } from './environment.js'

const KEY = 'ringcast.position'
const SAVED_EVERY_MS = 1_000

export class Persistence {
  private readonly storage: Storage
  private readonly time: Time
  private readonly position: () => string | undefined
  private saved: string | undefined
  private timer: unknown
  private readonly save = () => {
    const position = this.position()
    if (position === undefined || position === this.saved) return
    this.saved = position
    try {
      this.storage.setItem(KEY, position)
    } catch {
      // The storage is full or forbidden: the next page begins anew, and nothing else is lost.
    }
  }

  constructor(storage: Storage, time: Time, position: () => string | undefined) {
    this.storage = storage
    this.time = time
    this.position = position
  }

  load(): string | null {
    try {
      return this.storage.getItem(KEY)
    } catch {
      return null
    }
  }

  start(): void {
    globalThis.addEventListener?.('pagehide', this.save)
    const tick = () => {
      this.save()
      this.timer = this.time.setTimeout(tick, SAVED_EVERY_MS)
    }
    this.timer = this.time.setTimeout(tick, SAVED_EVERY_MS)
  }

  stop(): void {
    this.save()
    globalThis.removeEventListener?.('pagehide', this.save)
    this.time.clearTimeout(this.timer)
  }
}
