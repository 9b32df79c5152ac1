/**
 * Reads what a gateway tells of itself on its admin port. Main thread.
 * The only place that knows the paths and shapes of the admin port for `ringcast top`.
 */
import { RingcastError } from '../../common/errors.js'
import { hostInUrl } from '../../common/host-text.js'
import type { ClientRow, ClientSort } from '../../metrics/client-view.js'
import type { LaneView, MetricsView } from '../../metrics/metrics-view.js'

type Latency = Pick<MetricsView['latency'], 'counts'>

/** One gateway of the process, or one of several. */
export interface GatewayLook extends Pick<MetricsView, 'clientsMax' | 'lag'> {
  readonly process: number
  readonly lanes: readonly LaneView[]
}

/** What was seen at one time. Counters count from the start of the process. */
export interface Look {
  readonly ready: boolean
  /** For each check "ok", or what is wrong. */
  readonly checks: Readonly<Record<string, string>>
  readonly counters: MetricsView['counters']
  readonly latency: Latency
  readonly feedLatency: Latency
  readonly gateways: readonly GatewayLook[]
  readonly clients: readonly ClientRow[]
}

export interface AdminReaderOptions {
  readonly host: string
  readonly port: number
  /** undefined: the port asks for none. */
  readonly token: string | undefined
}

const TIMEOUT_MS = 5000
/** Addresses that stand for all of a machine. */
const OWN_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export class AdminReader {
  readonly url: string
  private readonly headers: Readonly<Record<string, string>>

  constructor({ host, port, token }: AdminReaderOptions) {
    this.url = `http://${hostInUrl(OWN_ADDRESS[host] ?? host)}:${port}`
    this.headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** @throws RingcastError `admin_unreachable`, with what to do */
  async look(sort: ClientSort, limit: number): Promise<Look> {
    const [{ checks, ready }, metrics, clients] = await Promise.all([
      this.get<Pick<Look, 'checks' | 'ready'>>('/readyz?verbose', [200, 503]),
      this.get<ShownMetrics>('/metrics.json', [200]),
      this.clients(sort, limit),
    ])
    const { counters, feedLatency, latency, processes } = metrics
    if (counters === undefined || latency === undefined || feedLatency === undefined)
      throw unreachable(`the gateway at ${this.url} is starting: it has no numbers yet`)
    const gateways = processes ?? [{ ...metrics, process: 1 }]
    return {
      ready,
      checks,
      counters,
      latency,
      feedLatency,
      // A process that has ended, or hangs, tells nothing.
      gateways: gateways.filter((each): each is GatewayLook => each.lanes !== undefined),
      clients,
    }
  }

  /** @throws RingcastError `admin_unreachable`, with what to do */
  async clients(sort: ClientSort, limit: number): Promise<readonly ClientRow[]> {
    if (limit === 0) return []
    const path = `/clients?sort=${sort}&limit=${limit}`
    const { clients } = await this.get<{ clients?: readonly ClientRow[] }>(path, [200, 404])
    if (clients === undefined)
      throw unreachable(`${this.url} is the admin port of a relay: name that of a gateway`)
    return clients
  }

  private async get<Body>(path: string, statuses: readonly number[]): Promise<Body> {
    let response: Response
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      response = await fetch(this.url + path, { headers: this.headers, signal })
    } catch (error) {
      const cause = (error as { cause?: { message?: string; code?: string } }).cause
      const reason = cause?.code ?? cause?.message ?? (error as Error).message
      throw unreachable(
        `no answer of ${this.url}: ${reason}. Name the admin port: --admin-host, --admin-port`,
      )
    }
    if (response.status === 401)
      throw unreachable(`${this.url} asks for a token: name its file with --admin-token-file`)
    const text = await response.text()
    if (!statuses.includes(response.status))
      throw unreachable(`${this.url}${path} has answered ${response.status}: ${text.slice(0, 200)}`)
    try {
      return JSON.parse(text) as Body
    } catch {
      throw unreachable(`${this.url}${path} has not answered JSON: this is no admin port of Ringcast`)
    }
  }
}

type ShownMetrics = Partial<MetricsView> & {
  /** Of a group. */
  readonly processes?: readonly (Partial<MetricsView> & { readonly process: number })[]
}

function unreachable(message: string): RingcastError {
  return new RingcastError('admin_unreachable', message)
}
