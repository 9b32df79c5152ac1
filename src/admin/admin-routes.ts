/**
 * The table of what the admin server answers. Main thread. A route is added here and nowhere else.
 */
import { CLIENT_SORTS, CLIENTS_SHOWN_MAX, type ClientQuery } from '../metrics/client-view.js'
import { type AdminReply, errorReply, jsonReply } from './admin-reply.js'
import type { AdminView } from './admin-view.js'

export interface AdminRequest {
  readonly query: URLSearchParams
  /** What stands in the path in place of `<…>`, decoded; empty for a route without. */
  readonly argument: string
}

export interface AdminRoute {
  /** GET stands for HEAD, too. */
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** May end with an argument: `/clients/<id>`. */
  readonly path: string
  /** The parameters of the query that exist. */
  readonly parameters?: readonly string[]
  readonly reply: (view: AdminView, request: AdminRequest) => AdminReply | Promise<AdminReply>
}

export const READINESS_PATH = '/readyz'
export const OVERVIEW_PATH = '/overview'
const SHOWN_DEFAULT = 20
/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const NO_CLIENTS = errorReply(404, 'not_found', 'this process has no clients')

export const ADMIN_ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/livez',
    reply: view => {
      const liveness = view.liveness()
      return jsonReply(liveness.live ? 200 : 503, liveness)
    },
  },
  {
    method: 'GET',
    path: READINESS_PATH,
    // As in the API server of Kubernetes. `exclude` may be given several times.
    parameters: ['exclude', 'verbose'],
    reply: (view, { query }) => {
      const excluded = new Set(query.getAll('exclude').flatMap(text => text.split(',')))
      if ([...excluded].some(check => !view.checkNames.includes(check)))
        return errorReply(400, 'unknown_check', `exclude must name checks: ${view.checkNames.join(', ')}`)
      const { checks, ready } = view.readiness(excluded)
      const details = query.has('verbose') ? { details: view.details() } : {}
      return jsonReply(ready ? 200 : 503, { ready, checks, ...details })
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    reply: async view => ({ status: 200, contentType: PROMETHEUS_TYPE, body: await view.prometheus() }),
  },
  { method: 'GET', path: '/metrics.json', reply: view => jsonReply(200, view.metrics()) },
  {
    method: 'GET',
    path: OVERVIEW_PATH,
    reply: async view => {
      if (view.overview === undefined) return NO_CLIENTS
      const overview = await view.overview()
      if (overview !== undefined) return jsonReply(200, overview)
      return errorReply(503, 'no_overview', 'no gateway answers: they start, or hang')
    },
  },
  {
    method: 'GET',
    path: '/clients',
    parameters: ['sort', 'limit'],
    reply: async ({ clients }, { query }) => {
      if (clients === undefined) return NO_CLIENTS
      const read = readClientQuery(query)
      return typeof read === 'string'
        ? errorReply(400, 'bad_query', read)
        : jsonReply(200, { clients: await clients.list(read) })
    },
  },
  {
    method: 'DELETE',
    path: '/clients/<id>',
    reply: async ({ clients }, { argument }) => {
      if (clients === undefined) return NO_CLIENTS
      if (await clients.close(argument)) return jsonReply(202, { closing: argument })
      return errorReply(404, 'unknown_client', 'no such client is connected: see /clients')
    },
  },
  {
    method: 'POST',
    path: '/drain',
    reply: view => {
      view.drain()
      return jsonReply(202, { draining: true })
    },
  },
]

/** @returns a sentence when the query is wrong */
function readClientQuery(query: URLSearchParams): ClientQuery | string {
  const sortText = query.get('sort') ?? 'lag'
  const sort = CLIENT_SORTS.find(known => known === sortText)
  if (sort === undefined)
    return `sort must be ${CLIENT_SORTS.slice(0, -1).join(', ')} or ${CLIENT_SORTS.at(-1)}`
  const limitText = query.get('limit') ?? String(SHOWN_DEFAULT)
  const limit = Number(limitText)
  if (!/^\d{1,4}$/.test(limitText) || limit < 1 || limit > CLIENTS_SHOWN_MAX)
    return `limit must be a whole number from 1 to ${CLIENTS_SHOWN_MAX}`
  return { sort, limit }
}
