/**
 * A JSON Web Key Set that is fetched from a URL, and kept. Main thread.
 * Fetches are bounded: one at a time, and for unknown keys one in half a minute, whatever tokens come. While the URL
 * does not answer, the last set stays in use.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { isUnknownKey, publicKeys, publicKeysOf, type TokenKeys } from './token-keys.js'

/** How often the set is fetched without a reason. */
export const REFRESH_MS = 300_000
/** A key that is not in the set has it fetched again, if the last fetch began so long ago. */
export const COOL_DOWN_MS = 30_000
/** The same, while there is no set at all. */
export const RETRY_MS = 1_000
const FETCH_TIMEOUT_MS = 5_000
const BYTES_MAX = 256 * 1024

export interface RemoteKeysDeps {
  readonly url: string
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly log: Log
  /** Default: the `fetch` of Node. */
  readonly fetch?: typeof fetch
}

/** Nobody can say now whether a token is right. */
export class KeysUnavailable extends Error {}

export class RemoteKeys {
  readonly keys: TokenKeys
  private readonly deps: RemoteKeysDeps
  private current: TokenKeys | undefined
  private fetching: Promise<void> | undefined
  private fetchedMs = Number.NEGATIVE_INFINITY
  private hasFailed = false
  private readonly refresh: Timer

  /** Begins to fetch. */
  constructor(deps: RemoteKeysDeps) {
    this.deps = deps
    this.keys = publicKeysOf(async (header, token) => {
      if (this.current === undefined) await this.fetchAfter(RETRY_MS)
      if (this.current === undefined) throw new KeysUnavailable('the keys of the tokens could not be fetched')
      try {
        return await this.current.find(header, token)
      } catch (error) {
        if (!isUnknownKey(error) || !(await this.fetchAfter(COOL_DOWN_MS))) throw error
        return this.current.find(header, token)
      }
    })
    this.refresh = deps.clock.every(REFRESH_MS, () => void this.fetchAfter(0))
    void this.fetchAfter(0)
  }

  close(): void {
    this.refresh.cancel()
  }

  /** Resolves when the set is fetched, or could not be. */
  reload(): Promise<void> {
    this.fetchedMs = this.deps.clock.nowMs()
    this.fetching ??= this.fetchSet().finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  /** Fetches the set, unless a fetch began less than `leastMs` ago and is over. @returns whether one was waited for */
  private async fetchAfter(leastMs: number): Promise<boolean> {
    const isDue = this.deps.clock.nowMs() - this.fetchedMs >= leastMs
    if (this.fetching === undefined && !isDue) return false
    await (this.fetching ?? this.reload())
    return true
  }

  private async fetchSet(): Promise<void> {
    const { log, url } = this.deps
    try {
      this.current = publicKeys(await this.read())
      if (this.hasFailed) log.info({ url: shown(url) }, 'the keys of the tokens were fetched again')
      this.hasFailed = false
    } catch (err) {
      if (!this.hasFailed) {
        const kept = this.current === undefined ? 'nobody can be let in' : 'those from before stay in use'
        log.error({ err, url: shown(url) }, `the keys of the tokens could not be fetched: ${kept}`)
      }
      this.hasFailed = true
    }
  }

  private async read(): Promise<string> {
    const { fetch: get = fetch, url } = this.deps
    const response = await get(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      headers: { accept: 'application/jwk-set+json, application/json' },
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`the status was ${response.status}`)
    }
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const part of response.body ?? []) {
      bytes += part.length
      if (bytes > BYTES_MAX) throw new Error(`it has more than ${BYTES_MAX} bytes`)
      parts.push(part)
    }
    return Buffer.concat(parts).toString()
  }
}

/** Without a query, which may be secret. */
function shown(url: string): string {
  return url.replace(/[?#].*$/, '')
}
