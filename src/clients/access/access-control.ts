/**
 * All that decides who gets in and what they may see, where the handler has an `authenticate`. Main thread.
 */
import type { Clock } from '../../common/clock.js'
import type { Log } from '../../common/log.js'
import type { HandlerOptions } from '../../config/config.js'
import type { Membership } from '../../fanout/membership.js'
import type { CommandErrorCode } from '../../protocol/error-codes.js'
import type { CommandId } from '../../protocol/messages.js'
import type { Client } from '../client.js'
import type { ClientRegistry } from '../client-registry.js'
import type { SubscriptionLimits } from '../subscriptions.js'
import { AuthWaits } from './auth-waits.js'
import { ClientAccess, type ClientAccessDeps } from './client-access.js'
import { ExpiryWatch } from './expiry-watch.js'
import { Gatekeeper } from './gatekeeper.js'
import type { Authenticate, Authorize, Identity } from './identity.js'
import { authenticated, Renewals } from './renewals.js'
import { ScopePool } from './scope-pool.js'

/** Requests that wait until they are asked about: those of so many seconds, at the pace of admission. */
const WAITING_SECONDS = 10
/** Connections whose first message is awaited. */
export const AUTH_WAITS_MAX = 1000
/**
 * The bytes of what an identity may see are this part of those of a client's entries. A command to a lane has room for
 * both, before and after a change.
 */
const IDENTITY_SHARE = 4

export interface AccessHooks {
  readonly authenticate: Authenticate
  readonly authorize: Authorize | undefined
}

export interface AccessControlDeps extends AccessHooks {
  readonly settings: HandlerOptions
  /** Bounds the entries of one client. */
  readonly limits: SubscriptionLimits
  readonly registry: ClientRegistry
  readonly membership: Membership
  readonly clock: Clock
  readonly log: Log
  /** A connection was refused that had to say by a message who it is. */
  readonly refused: (code: CommandErrorCode, message: string, address: string | undefined) => void
}

export class AccessControl {
  readonly gatekeeper: Gatekeeper
  readonly waits: AuthWaits
  readonly renewals: Renewals
  /** Whether a client may say by a message who it is. */
  readonly takesMessages: boolean
  private readonly registry: ClientRegistry
  private readonly accessDeps: ClientAccessDeps
  private readonly expiries: ExpiryWatch<Client>

  constructor(deps: AccessControlDeps) {
    const { authenticate, authorize, clock, limits, log, membership, refused, registry, settings } = deps
    const { authTimeoutMs: timeoutMs, closeTimeoutMs, connectionsPerSecond, maxClients } = settings
    const ofIdentity = { ...limits, bytesMax: Math.floor(limits.bytesMax / IDENTITY_SHARE) }
    this.takesMessages = settings.authMessages
    this.registry = registry
    this.gatekeeper = new Gatekeeper({
      authenticate,
      limits: ofIdentity,
      timeoutMs,
      waitingMax: WAITING_SECONDS * connectionsPerSecond,
      clock,
      log,
    })
    this.waits = new AuthWaits({
      gatekeeper: this.gatekeeper,
      timeoutMs,
      closeTimeoutMs,
      countMax: Math.min(AUTH_WAITS_MAX, maxClients),
      clock,
      refused,
    })
    this.expiries = new ExpiryWatch<Client>({
      clock,
      expiring: (client, expiresMs) =>
        client.socket.guard(() => {
          if (client.state === 'open')
            client.reply({ type: 'token-expiring', expires: Math.floor(expiresMs * 1000) })
        }),
      expired: client => registry.endAccess(client, 'accessExpired'),
    })
    this.renewals = new Renewals({
      gatekeeper: this.gatekeeper,
      membership,
      registry,
      limits,
      renewed: client => this.watch(client),
    })
    this.accessDeps = { pool: new ScopePool(), authorize, limits: ofIdentity, log }
  }

  /** @param client the client's public name */
  accessOf(identity: Identity, client: string): ClientAccess {
    return new ClientAccess(this.accessDeps, identity, client)
  }

  /**
   * A client is in the registry, and is to join its first audience.
   *
   * @param message the `auth` by which it has said who it is
   * @returns false: `authorize` lets it have nothing, and it leaves
   */
  begin(client: Client, message: { readonly id: CommandId | undefined } | undefined): boolean {
    const { access } = client
    if (access === undefined) return true
    if (access.isRevoked) {
      this.registry.endAccess(client, 'accessRevoked')
      return false
    }
    this.watch(client)
    if (message !== undefined) client.reply(authenticated(access.identity, message.id))
    return true
  }

  /** The connection of the client is gone. */
  end(client: Client): void {
    this.expiries.delete(client)
    client.access?.end()
  }

  stop(): void {
    this.waits.close()
    this.gatekeeper.close()
    this.expiries.stop()
  }

  private watch(client: Client): void {
    this.expiries.set(client, client.access?.identity.expiresMs)
  }
}
