/**
 * Lists the clients for people who look for a slow one. Main thread. Costs about 1 µs a client, when somebody asks.
 */
import type { Clock } from '../common/clock.js'
import { type LagClocks, lagOf } from '../fanout/client-lag.js'
import { givenTicks } from '../fanout/given-ticks.js'
import type { LaneStream } from '../fanout/lane-stream.js'
import type { Recipient } from '../fanout/recipient.js'
import {
  type ClientActivity,
  type ClientQuery,
  type ClientRow,
  chooseClients,
} from '../metrics/client-view.js'
import type { Client } from './client.js'

export interface ClientListDeps extends LagClocks {
  readonly clock: Pick<Clock, 'nowMs' | 'epochUs'>
  readonly streams: readonly LaneStream[]
}

export function listClients(
  clients: Iterable<Client>,
  query: ClientQuery,
  deps: ClientListDeps,
): ClientRow[] {
  return chooseClients(
    Array.from(clients, client => rowOf(client, deps)),
    query,
  )
}

function rowOf(client: Client, deps: ClientListDeps): ClientRow {
  const { address = null, recipient, subscriptions, user } = client
  const { audience } = recipient.cursor
  const retained = audience && deps.streams[audience.lane]!.retained
  const lag = lagOf(recipient, retained, deps)
  return {
    id: recipient.name,
    address,
    user,
    state: client.state === 'open' ? activityOf(recipient) : 'ending',
    subscriptions: subscriptions.count,
    ageMs: client.ageMs(deps.clock.nowMs()),
    lagMs: lag.ms,
    lagBytes: lag.bytes,
    lagTicks: lag.ticks,
    worstLagMs: Math.max(recipient.worstLagMs, lag.ms),
    sentTicks: givenTicks(recipient, retained),
    sentBytes: recipient.sentBytes,
    gaps: recipient.gaps,
  }
}

function activityOf({ cursor, isBlocked, transfer }: Recipient): ClientActivity {
  if (cursor.isOverrun) return 'overrun'
  if (isBlocked) return 'blocked'
  if (cursor.isBehind) return 'behind'
  if (transfer.isReplaying) return 'resuming'
  return cursor.isLive ? 'live' : 'joining'
}
