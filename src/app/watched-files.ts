/**
 * Files of settings that are read anew when they change. Main thread.
 * The files are read every ten seconds and compared: that also finds a file that was put in place of another one, as
 * container platforms and ACME clients do, and costs nothing worth a watcher for each kind of file system.
 */
import type { Clock, Timer } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'

export interface WatchedFilesDeps<T> {
  readonly clock: Pick<Clock, 'every'>
  readonly log: Log
  /** What the files hold, as in "the TLS certificate". */
  readonly what: string
  /** Rejects with a RingcastError when a file cannot be read, or holds something else. */
  readonly read: () => Promise<T>
  readonly areEqual: (one: T, other: T) => boolean
  /** Takes what has changed. */
  readonly use: (files: T) => void
}

const LOOK_INTERVAL_MS = 10_000

export class WatchedFiles<T> {
  private readonly deps: WatchedFilesDeps<T>
  private readonly looks: Timer
  private files: T
  /** The look that is under way. */
  private looking: Promise<void> | undefined
  /** The fault that is in the log already. */
  private fault: string | undefined

  private constructor(files: T, deps: WatchedFilesDeps<T>) {
    this.files = files
    this.deps = deps
    this.looks = deps.clock.every(LOOK_INTERVAL_MS, () => void this.reload())
  }

  /**
   * Reads the files, and looks again every ten seconds.
   *
   * @throws RingcastError of `read`
   */
  static async open<T>(deps: WatchedFilesDeps<T>): Promise<WatchedFiles<T>> {
    return new WatchedFiles(await deps.read(), deps)
  }

  get current(): T {
    return this.files
  }

  /** Looks at once. Wrong files are logged, and the files from before stay in use. */
  reload(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined
    })
    return this.looking
  }

  close(): void {
    this.looks.cancel()
  }

  private async look(): Promise<void> {
    const { areEqual, log, read, use, what } = this.deps
    try {
      const files = await read()
      this.fault = undefined
      if (areEqual(files, this.files)) return
      use(files)
      this.files = files
      log.info({}, `${what} has changed: new connections get the new one`)
    } catch (error) {
      const fault = error instanceof RingcastError ? error.message : String(error)
      if (fault !== this.fault) log.error({}, `${what} stays as it was: ${fault}`)
      this.fault = fault
    }
  }
}
