/**
 * Makes a client of a connection that is let in. Main thread.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import type { GuardedWebSocket } from '../common/guarded-web-socket.js'
import type { Membership } from '../fanout/membership.js'
import { Recipient } from '../fanout/recipient.js'
import { isAwaited, type WantedStart } from '../fanout/wanted-start.js'
import { deliveryFields } from '../protocol/delivery.js'
import type { AccessControl } from './access/access-control.js'
import type { Introduction } from './access/introduction.js'
import { limitsOf } from './access/renewals.js'
import { Client } from './client.js'
import type { ClientRegistryDeps } from './client-registry.js'
import { type ClientSocketDeps, listenToClient } from './client-socket.js'
import { REFUSAL_BYTES_MAX, REPLY_BYTES_MAX, refusedField } from './command-handler.js'
import type { ConnectionCounts } from './connection-counts.js'
import { EntryTally } from './entry-tally.js'
import { LifeSigns } from './life-signs.js'
import { MessageIntake, type MessageIntakeDeps } from './message-intake.js'
import { MessageQuota } from './message-quota.js'
import type { ResumeWaits } from './resume-waits.js'
import type { SubscriptionBudget } from './subscription-budget.js'
import { type SubscriptionLimits, Subscriptions } from './subscriptions.js'
import type { StreamRequest } from './upgrade-request.js'
import type { WorkBudgets } from './work-budgets.js'

export interface NewcomersDeps extends ClientRegistryDeps, MessageIntakeDeps {
  readonly clock: Clock
  /** Names the run of the process. Part of every client's name. */
  readonly processName: string
  readonly membership: Membership
  readonly limits: SubscriptionLimits
  readonly subscriptionBudget: SubscriptionBudget
  readonly workBudgets: WorkBudgets
  readonly resumeWaits: ResumeWaits
  readonly connections: ConnectionCounts
  /** undefined: nobody is asked who they are. */
  readonly access: AccessControl | undefined
}

/** A connection that is let in. */
export interface Accepted {
  readonly id: number
  readonly address: string | undefined
  readonly socket: Duplex
  readonly windowBits: number
  readonly stream: StreamRequest
  readonly replayStart: WantedStart
}

export class Newcomers {
  private readonly deps: NewcomersDeps
  private readonly sockets: ClientSocketDeps
  private readonly entryTally: EntryTally

  constructor(deps: NewcomersDeps) {
    this.deps = deps
    this.entryTally = new EntryTally(deps.counters)
    this.sockets = {
      registry: deps.registry,
      openIntake: client => this.openIntake(client),
      closed: client => this.closed(client),
    }
  }

  nameOf(id: number): string {
    return `${this.deps.processName}-${id}`
  }

  /** @param introduction undefined: nobody is asked who they are */
  letIn(
    webSocket: GuardedWebSocket,
    { id, address, replayStart, socket, stream, windowBits }: Accepted,
    introduction: Introduction | undefined,
  ): void {
    const { access, limits, membership, patience, registry, resumeWaits } = this.deps
    const { symbols } = stream
    const form = { ...stream.form, windowBits }
    const name = this.nameOf(id)
    const clientAccess = introduction && access?.accessOf(introduction.identity, name)
    const budget = this.deps.subscriptionBudget.ofAddress(address)
    const subscriptions = new Subscriptions(introduction ? limitsOf(introduction.identity, limits) : limits, {
      budget,
      scope: clientAccess?.scope,
      tally: this.entryTally,
    })
    const recipient = new Recipient(id, name, socket, stream.limits)
    recipient.symbolBudget = budget
    const delivery = introduction?.delivery ?? stream.delivery
    const client = new Client({
      socket: webSocket,
      recipient,
      subscriptions,
      form,
      delivery,
      signs: new LifeSigns(patience.nowMs()),
      address,
      access: clientAccess,
      connectedMs: this.deps.clock.nowMs(),
    })
    listenToClient(client, this.sockets)
    // From here on `closed` is called.
    this.deps.connections.add(address, clientAccess?.identity)
    registry.add(client)
    const { done, refused } = subscriptions.add(symbols, delivery.intervalMs)
    if (access !== undefined && !access.begin(client, introduction?.message)) return
    membership.join(
      recipient,
      { ...subscriptions.selection, ...form },
      {
        type: 'subscribed',
        symbols: done,
        ...refusedField(refused),
        ...deliveryFields(delivery.intervalMs),
        // A resume brings every tick that the client missed.
        snapshot: replayStart === null && delivery.snapshot,
      },
      // What it takes is not left for the commands that come before it: a client may send its first one at once.
      Buffer.byteLength(JSON.stringify(done)) + refused.length * REFUSAL_BYTES_MAX + REPLY_BYTES_MAX,
      replayStart,
    )
    if (isAwaited(replayStart)) resumeWaits.add(recipient, replayStart.awaited)
  }

  private openIntake(client: Client): MessageIntake {
    const { clock, patience, settings, workBudgets } = this.deps
    const quota = new MessageQuota(settings.maxCommandsPerSecond, clock, patience)
    return new MessageIntake(client, quota, workBudgets.ofClient(client.address), this.deps)
  }

  /**
   * Whoever connects again and again pays for the snapshots, as far as the address can: a crowd that leaves owes
   * nothing.
   */
  private closed(client: Client): void {
    const { access, address, recipient } = client
    const { connections } = this.deps
    connections.remove(address, access?.identity)
    this.deps.workBudgets.ofConnection(address).spendShared(recipient.replyWork)
    this.deps.access?.end(client)
  }
}
