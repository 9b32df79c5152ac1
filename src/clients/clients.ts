/**
 * Puts together all that serves the clients of one gateway. Main thread.
 */
import type { Clock } from '../common/clock.js'
import type { Recipient } from '../fanout/recipient.js'
import { AccessControl, type AccessHooks } from './access/access-control.js'
import { Admission } from './admission.js'
import { ClientLog } from './client-log.js'
import { ClientRegistry, type ClientRegistryDeps } from './client-registry.js'
import { CommandHandler } from './command-handler.js'
import { ConnectionCounts } from './connection-counts.js'
import { ReconnectAdvice } from './reconnect-advice.js'
import type { PastExtent, StreamNumbers } from './replay-start.js'
import { RequestRefusals } from './request-refusals.js'
import { ResumeWaits } from './resume-waits.js'
import { SubscriptionBudget } from './subscription-budget.js'
import { WorkBudgets } from './work-budgets.js'

export interface ClientsDeps extends Omit<ClientRegistryDeps, 'advice' | 'clientLog'> {
  /** Names the run of the process. Part of every client's name. */
  readonly processName: string
  readonly clock: Clock
  /** Bounds the replies that one client waits for, in bytes of JSON. Half of it bounds the names of its symbols. */
  readonly replyBytesMax: number
  /** Whether all lanes are too far behind to take one more client. */
  readonly areLanesBusy: () => boolean
  /** Whether the client's lane is too far behind to take one more change. */
  readonly isLaneBusy: (recipient: Recipient) => boolean
  readonly numbering: StreamNumbers
  /** undefined: everybody may have everything. */
  readonly hooks: AccessHooks | undefined
  readonly past: PastExtent
}

export interface Clients {
  readonly admission: Admission
  readonly registry: ClientRegistry
  readonly resumeWaits: ResumeWaits
  readonly access: AccessControl | undefined
}

export function assembleClients(deps: ClientsDeps): Clients {
  const { connectionsPerSecond, retryAfterS } = deps.settings
  const advice = new ReconnectAdvice({ perSecond: connectionsPerSecond, retryAfterS, clock: deps.clock })
  const clientLog = new ClientLog(deps)
  const registry = new ClientRegistry({ ...deps, advice, clientLog })
  const { hooks, settings } = deps
  const limits = {
    countMax: settings.maxSymbolsPerClient,
    // Half, so that the reply to the connection leaves room for the replies to commands.
    bytesMax: Math.floor(deps.replyBytesMax / 2),
  }
  const refusals = new RequestRefusals({ ...deps, advice, clientLog })
  const access =
    hooks &&
    new AccessControl({
      ...deps,
      ...hooks,
      limits,
      registry,
      refused: (code, message, address) => refusals.refusedLate(code, message, address),
    })
  const commands = new CommandHandler({
    ...deps,
    advice,
    renewals: access?.renewals,
    revoked: client => registry.endAccess(client, 'accessRevoked'),
  })
  const subscriptionBudget = new SubscriptionBudget(settings.subscriptionsMax, deps.counters)
  const workBudgets = new WorkBudgets(deps)
  const resumeWaits = new ResumeWaits(deps)
  const admission = new Admission({
    ...deps,
    access,
    advice,
    clientLog,
    connections: new ConnectionCounts(settings),
    registry,
    commands,
    limits,
    refusals,
    resumeWaits,
    subscriptionBudget,
    workBudgets,
  })
  return { registry, admission, resumeWaits, access }
}
