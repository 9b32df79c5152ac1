/** The gateway as the page reaches it: the overview once a second, and the end of a client. It tries again for ever. */
import type { ClientRow, ClientSort } from '../../../../src/metrics/client-view.js'
import type { Overview } from '../../../../src/metrics/overview.js'

export interface GatewayEvents {
  readonly overview: (overview: Overview) => void
  /** @param why in a few words */
  readonly lost: (why: string) => void
  /** The port wants a token, or another one. */
  readonly refused: (why: string, isMended: 'by a token' | 'elsewhere') => void
}

const RETRY_MS = [1000, 2000, 5000]
/** An overview comes every second. */
const SILENCE_MS_MAX = 5000
const TOKEN_KEY = 'ringcast-admin-token'

export class Gateway {
  private readonly events: GatewayEvents
  private failures = 0
  private timer: number | undefined

  constructor(events: GatewayEvents) {
    this.events = events
    void this.open()
  }

  /** Kept until the tab is closed. */
  useToken(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token)
    clearTimeout(this.timer)
    void this.open()
  }

  /** @returns undefined when the gateway does not tell */
  async clients(sort: ClientSort, limit: number): Promise<readonly ClientRow[] | undefined> {
    try {
      const path = `clients?sort=${sort}&limit=${limit}`
      const response = await fetch(path, { headers: this.headers, cache: 'no-store' })
      if (!response.ok) return undefined
      return ((await response.json()) as { readonly clients: readonly ClientRow[] }).clients
    } catch {
      return undefined
    }
  }

  /** @returns what came of it, for people */
  async disconnect(client: string): Promise<string> {
    try {
      const response = await fetch(`clients/${client}`, { method: 'DELETE', headers: this.headers })
      if (response.ok) return `Client ${client} is being disconnected.`
      return response.status === 404
        ? `Client ${client} has left already.`
        : `Client ${client} is still connected: the gateway answered ${response.status}.`
    } catch {
      return `Client ${client} is still connected: the gateway does not answer.`
    }
  }

  private get token(): string | null {
    return sessionStorage.getItem(TOKEN_KEY)
  }

  private get headers(): Record<string, string> {
    return this.token === null ? {} : { Authorization: `Bearer ${this.token}` }
  }

  /** A WebSocket does not say why it was refused. So a request comes first. */
  private async open(): Promise<void> {
    try {
      const response = await fetch('overview', { headers: this.headers, cache: 'no-store' })
      if (response.status === 401) {
        const why = this.token === null ? 'The port wants a token.' : 'The token was wrong.'
        return this.events.refused(why, 'by a token')
      }
      if (response.status === 403 || response.status === 421) {
        const { message } = (await response.json()) as { message: string }
        return this.events.refused(message, 'elsewhere')
      }
      if (!response.ok) return this.retry(`the gateway answered ${response.status}`)
      this.events.overview((await response.json()) as Overview)
    } catch {
      return this.retry('the gateway does not answer')
    }
    this.watch()
  }

  private watch(): void {
    const url = new URL('overview', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const token = this.token
    const socket = new WebSocket(url, [
      'ringcast.overview',
      ...(token === null ? [] : [`ringcast.bearer.${base64url(token)}`]),
    ])
    let silence: number | undefined
    const heard = (): void => {
      clearTimeout(silence)
      silence = setTimeout(() => socket.close(), SILENCE_MS_MAX)
    }
    heard()
    socket.onmessage = ({ data }) => {
      heard()
      const overview = JSON.parse(data as string) as Overview | null
      if (overview === null) return
      this.failures = 0
      this.events.overview(overview)
    }
    socket.onclose = () => {
      clearTimeout(silence)
      this.retry('the gateway does not answer')
    }
  }

  private retry(why: string): void {
    this.events.lost(why)
    const delay = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]!
    this.timer = setTimeout(() => void this.open(), delay)
  }
}

/** Of the UTF-8 bytes: a subprotocol has few characters. */
function base64url(text: string): string {
  const binary = Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
