/**
 * Clients as `/clients` and `getClients()` show them. Any thread. Pure.
 */

/** What a client does now. */
export type ClientActivity =
  /** It gets each tick as it comes. */
  | 'live'
  /** It waits for its lane: it has just come, or changes what it gets. */
  | 'joining'
  /** It gets ticks of the past. */
  | 'resuming'
  /** Its socket has not taken the last write. */
  | 'blocked'
  /** It catches up from the frame ring. */
  | 'behind'
  /** It is so far behind that it will be told a gap. */
  | 'overrun'
  /** Its close handshake is under way. */
  | 'ending'

export interface ClientRow {
  readonly id: string
  /** IPv4, or the /64 network of an IPv6 address; null: not known. */
  readonly address: string | null
  /** Whom the client has proved to be; null: nobody asks. */
  readonly user: string | null
  readonly state: ClientActivity
  /** Symbols and prefixes. */
  readonly subscriptions: number
  readonly ageMs: number
  /** Age of the oldest tick that the client was not given, or how long its socket has taken no whole write. */
  readonly lagMs: number
  /** Bytes that wait for the client. */
  readonly lagBytes: number
  /** Ticks that the client was not given; null: it gets latest ticks only. */
  readonly lagTicks: number | null
  /** Of the lags that have ended, and the present one. */
  readonly worstLagMs: number
  readonly sentTicks: number
  /** Replies included. */
  readonly sentBytes: number
  /** Gaps that it was told because it was slow. */
  readonly gaps: number
}

export const CLIENT_SORTS = ['lag', 'bytes', 'ticks', 'gaps', 'age', 'sent', 'subscriptions'] as const
export type ClientSort = (typeof CLIENT_SORTS)[number]
export const CLIENTS_SHOWN_MAX = 1000

export interface ClientQuery {
  /** The most comes first: of the lag in ms, bytes or ticks, and so on. Those with the same by the bytes that wait. */
  readonly sort: ClientSort
  /** Most clients to show: 1 to 1,000. */
  readonly limit: number
}

const VALUES: Readonly<Record<ClientSort, (row: ClientRow) => number>> = {
  lag: row => row.lagMs,
  bytes: row => row.lagBytes,
  // A client of latest ticks comes behind those that have all.
  ticks: row => row.lagTicks ?? -1,
  gaps: row => row.gaps,
  age: row => row.ageMs,
  sent: row => row.sentBytes,
  subscriptions: row => row.subscriptions,
}

/** Those that the query asks for, in its order. */
export function chooseClients<Row extends ClientRow>(rows: Row[], { limit, sort }: ClientQuery): Row[] {
  const value = VALUES[sort]
  return rows.sort((a, b) => value(b) - value(a) || b.lagBytes - a.lagBytes).slice(0, limit)
}
