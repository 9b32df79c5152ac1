/**
 * Changes what a connected client may do: by a new token of the client, or by a new answer of `authorize`. Main thread.
 */

import type { Membership } from '../../fanout/membership.js'
import type { CommandId, ErrorMessage } from '../../protocol/messages.js'
import type { Client } from '../client.js'
import type { ClientRegistry } from '../client-registry.js'
import type { SubscriptionLimits } from '../subscriptions.js'
import { slowedDelivery } from './client-access.js'
import type { Gatekeeper } from './gatekeeper.js'
import { type Identity, isDenied } from './identity.js'

export interface RenewalsDeps {
  readonly gatekeeper: Gatekeeper
  readonly membership: Membership
  readonly registry: ClientRegistry
  readonly limits: SubscriptionLimits
  /** The access of the client now ends at another time. */
  readonly renewed: (client: Client) => void
}

/** Bounds the reply to an `auth` without the entries that the client loses. */
const REPLY_BYTES_MAX = 1024

export class Renewals {
  private readonly deps: RenewalsDeps
  private readonly checked = new WeakSet<Client>()

  constructor(deps: RenewalsDeps) {
    this.deps = deps
  }

  /** Whether a token of the client is being checked. */
  isChecking(client: Client): boolean {
    return this.checked.has(client)
  }

  /** Replies when the token is checked. A token that is refused changes nothing. */
  async renew(client: Client, token: string, id: CommandId | undefined): Promise<void> {
    const { access, address, socket } = client
    if (access === undefined) return
    this.checked.add(client)
    const { gatekeeper } = this.deps
    const renews = access.identity
    const answer = await gatekeeper.check({ token, url: '', headers: {}, address, renews })
    this.checked.delete(client)
    if (client.state !== 'open') return
    const refuse = (code: ErrorMessage['code'], message: string): void => {
      client.reply({ type: 'error', ...idField(id), code, message })
    }
    socket.guard(() => {
      if (answer === undefined) refuse('denied', 'the token tells nobody who you are')
      else if (isDenied(answer)) refuse(answer.code ?? 'denied', answer.denied)
      else if (answer.user !== renews.user)
        refuse('other_user', 'this connection is of another user: connect anew with this token')
      else this.take(client, answer, id)
    })
  }

  /** Asks `authorize` again. Tells the client only what changes. */
  reauthorize(client: Client): void {
    if (client.access !== undefined && client.state === 'open') this.apply(client, undefined)
  }

  private take(client: Client, identity: Identity, id: CommandId | undefined): void {
    client.access?.renew(identity)
    this.deps.renewed(client)
    this.apply(client, { id })
  }

  /** Puts the access of the client into effect. @param command that asks for it; undefined: none */
  private apply(client: Client, command: { readonly id: CommandId | undefined } | undefined): void {
    const { access, recipient, subscriptions } = client
    if (access === undefined) return
    const { limits, membership, registry } = this.deps
    const { identity, scope } = access
    const before = client.delivery
    client.delivery = slowedDelivery(before, identity.latestIntervalMs)
    const lost = subscriptions.rescope(scope, limitsOf(identity, limits), identity.latestIntervalMs)
    const change = membership.changeTo(recipient, subscriptions.visible)
    if (access.isRevoked) {
      registry.endAccess(client, 'accessRevoked')
      return
    }
    const { added, removed } = change
    const reply = {
      ...authenticated(identity, command?.id),
      ...(lost.length === 0 ? {} : { unsubscribed: lost }),
    }
    if (added.length + removed.length > 0) {
      const bytes = Buffer.byteLength(JSON.stringify(lost)) + REPLY_BYTES_MAX
      membership.move(
        recipient,
        change,
        { ...reply, snapshot: client.delivery.snapshot && added.length > 0 },
        bytes,
      )
    } else if (command !== undefined) client.reply(reply)
  }
}

export function limitsOf(identity: Identity, limits: SubscriptionLimits): SubscriptionLimits {
  return { ...limits, countMax: Math.min(limits.countMax, identity.entriesMax ?? Number.POSITIVE_INFINITY) }
}

/** The reply to an `auth`, without a place in the stream. */
export function authenticated({ expiresMs, user }: Identity, id: CommandId | undefined) {
  const expires = expiresMs === undefined ? {} : { expires: Math.floor(expiresMs * 1000) }
  return { type: 'authenticated', ...idField(id), user, ...expires } as const
}

function idField(id: CommandId | undefined): { id?: CommandId } {
  return id === undefined ? {} : { id }
}
