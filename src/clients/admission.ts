/**
 * Decides whether an upgrade request becomes a client, and lets the client in. Main thread.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TIMER_MS_MAX } from '../common/clock.js'
import type { HandlerOptions } from '../config/config.js'
import type { Membership } from '../fanout/membership.js'
import { Recipient } from '../fanout/recipient.js'
import { isAwaited, isSought, type WantedStart } from '../fanout/wanted-start.js'
import { CLOSE_CODES } from '../protocol/close-codes.js'
import { negotiatedWindowBits, PER_MESSAGE_DEFLATE } from '../protocol/deflate-negotiation.js'
import { deliveryFields } from '../protocol/delivery.js'
import { AdmissionQueue } from './admission-queue.js'
import { Client } from './client.js'
import { addressOf } from './client-address.js'
import type { ClientRegistryDeps } from './client-registry.js'
import { type ClientSocketDeps, listenToClient } from './client-socket.js'
import {
  type GuardedWebSocket,
  type GuardedWebSocketServer,
  guardedWebSocketServer,
} from './guarded-web-socket.js'
import { LateRefusals } from './late-refusals.js'
import { LifeSigns } from './life-signs.js'
import { MessageIntake, type MessageIntakeDeps } from './message-intake.js'
import { MessageQuota } from './message-quota.js'
import { badRequest, isRefusal, type Refusal } from './refusal.js'
import { isStartError, readReplayStart, type StreamExtent } from './replay-start.js'
import {
  DRAINING,
  PAST_FULL,
  RequestRefusals,
  TOO_MANY_CONNECTIONS,
  TOO_MANY_REQUESTS,
} from './request-refusals.js'
import type { ResumeWaits } from './resume-waits.js'
import type { SubscriptionBudget } from './subscription-budget.js'
import { type SubscriptionLimits, Subscriptions } from './subscriptions.js'
import { chooseSubprotocol, readUpgradeRequest, type StreamRequest } from './upgrade-request.js'
import { WAIT_MS_MAX, WORK_PER_CONNECTION, WORK_PER_SYMBOL, type WorkBudgets } from './work-budgets.js'

/** Bounds the frames of one message: an empty frame costs as much as a message and does not count as one. */
const FRAGMENTS_MAX = 64

export interface AdmissionDeps extends ClientRegistryDeps, MessageIntakeDeps, StreamExtent {
  /** Names the run of the process. Part of every client's name. */
  readonly processName: string
  readonly membership: Membership
  readonly limits: SubscriptionLimits
  readonly subscriptionBudget: SubscriptionBudget
  readonly workBudgets: WorkBudgets
  /** Whether all lanes are too far behind to take one more client. */
  readonly areLanesBusy: () => boolean
  readonly resumeWaits: ResumeWaits
}

/** An upgrade request that is accepted: the client that it becomes has an id. */
interface AcceptedRequest {
  readonly id: number
  readonly address: string | undefined
  readonly socket: Duplex
  readonly windowBits: number
  readonly stream: StreamRequest
  readonly replayStart: WantedStart
}

type RequestDetails = Omit<AcceptedRequest, 'id' | 'windowBits'>

export class Admission {
  private readonly deps: AdmissionDeps
  private readonly server: GuardedWebSocketServer
  private readonly lateRefusals: LateRefusals
  private readonly queue: AdmissionQueue
  private readonly refusals: RequestRefusals
  private readonly sockets: ClientSocketDeps
  private nextId = 1
  private isDraining = false

  constructor(deps: AdmissionDeps) {
    this.deps = deps
    this.sockets = {
      registry: deps.registry,
      openIntake: client => this.openIntake(client),
      closed: client => this.spendReplies(client),
    }
    this.server = webSocketServer(deps.settings)
    this.refusals = new RequestRefusals(deps)
    this.lateRefusals = new LateRefusals(deps.clock, socket =>
      this.refusals.refuse(socket, TOO_MANY_REQUESTS),
    )
    const { clock, counters, settings } = deps
    this.queue = new AdmissionQueue({ perSecond: settings.connectionsPerSecond, clock, counters })
    this.server.on('wsClientError', ({ message }, socket) =>
      this.refusals.refuse(socket, badRequest('bad_handshake', message)),
    )
  }

  /** From now on every request is refused. */
  refuseAll(): void {
    this.isDraining = true
    this.lateRefusals.flush()
    for (const socket of this.queue.close()) this.refusals.refuse(socket, DRAINING)
  }

  /**
   * Replies to an upgrade request: with a WebSocket, or with a status and the reason. While many clients connect, the
   * reply comes later.
   *
   * @returns whether the request is accepted: the connection is a WebSocket, or becomes one when its turn comes
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    try {
      const { remoteAddress } = request.socket
      // The socket keeps each address that is asked for, so its own is asked for only here.
      if (remoteAddress === undefined && request.socket.localAddress !== undefined) {
        // The peer has reset the TCP connection. Nobody is there to be charged, or to read a reply.
        socket.destroy()
        return false
      }
      const address = addressOf(remoteAddress)
      const work = this.deps.workBudgets.ofConnection(address)
      if (work.debtMs() > WAIT_MS_MAX) {
        this.lateRefusals.add(socket)
        return false
      }
      work.charge(WORK_PER_CONNECTION + (request.url?.length ?? 0))
      const stream = readUpgradeRequest(request, this.deps.limits)
      if (isRefusal(stream)) {
        this.refusals.refuse(socket, stream)
        return false
      }
      const replayStart = readReplayStart(stream.start, this.deps)
      if (isStartError(replayStart)) {
        this.refusals.refuse(socket, badRequest(replayStart.code, replayStart.message))
        return false
      }
      const refusal = this.refusalOf(stream, address, replayStart)
      if (refusal !== undefined) {
        this.refusals.refuse(socket, refusal)
        return false
      }
      work.charge(stream.symbols.length * WORK_PER_SYMBOL)
      const details = { socket, stream, address, replayStart }
      switch (this.queue.enter(socket, () => this.letInLater(request, head, details))) {
        case 'now':
          return this.upgrade(request, head, details)
        case 'waits':
          return true
        case 'full':
          this.refusals.refuse(socket, TOO_MANY_CONNECTIONS)
          return false
      }
    } catch (err) {
      this.failed(socket, err)
      return false
    }
  }

  /** The turn of a request has come. Meanwhile the places may have been taken. */
  private letInLater(request: IncomingMessage, head: Buffer, details: RequestDetails): void {
    const { address, replayStart, socket, stream } = details
    try {
      const refusal = this.refusalOf(stream, address, replayStart)
      if (refusal === undefined) this.upgrade(request, head, details)
      else this.refusals.refuse(socket, refusal)
    } catch (err) {
      this.failed(socket, err)
    }
  }

  private failed(socket: Duplex, err: unknown): void {
    this.deps.log.error({ err }, 'an upgrade request has failed: this is a bug in Ringcast')
    const message = 'the gateway has failed while it handled the request: this is a bug, see its log'
    this.refusals.refuse(socket, { status: 500, code: 'internal', message })
  }

  /** Why this request is refused now; undefined when it is not. */
  private refusalOf(
    { symbols }: StreamRequest,
    address: string | undefined,
    replayStart: WantedStart,
  ): Refusal | undefined {
    const { areLanesBusy, past, registry, settings, subscriptionBudget } = this.deps
    if (this.isDraining) return DRAINING
    if (areLanesBusy())
      return { status: 503, code: 'overload', message: 'all workers are too far behind: try again later' }
    const { maxClients } = settings
    if (registry.count + this.queue.count >= maxClients)
      return { status: 503, code: 'limit', message: `all ${maxClients} places are taken: try again later` }
    if (isSought(replayStart) && !past.hasRoom) return PAST_FULL
    const budget = subscriptionBudget.ofAddress(address)
    if (budget.hasRoomFor(symbols.length)) return undefined
    return { status: 503, code: 'subscriptions_full', message: budget.refusal }
  }

  /** @returns false when the library has refused the handshake */
  private upgrade(request: IncomingMessage, head: Buffer, details: RequestDetails): boolean {
    let isUpgraded = false
    let windowBits = 0
    const readHeaders = (headers: string[]): void => {
      windowBits = negotiatedWindowBits(headers)
    }
    // The library writes the headers and calls back before it returns, or refuses.
    this.server.on('headers', readHeaders)
    try {
      this.server.handleUpgrade(request, details.socket, head, webSocket => {
        isUpgraded = true
        const id = this.nextId++
        webSocket.onFault = err => this.admissionFailed(webSocket, id, err)
        webSocket.guard(() => this.letIn(webSocket, { ...details, id, windowBits }))
      })
    } finally {
      this.server.off('headers', readHeaders)
    }
    return isUpgraded
  }

  private letIn(
    webSocket: GuardedWebSocket,
    { id, address, replayStart, socket, stream, windowBits }: AcceptedRequest,
  ): void {
    const { limits, membership, patience, registry, resumeWaits } = this.deps
    const { delivery, symbols } = stream
    const form = { ...stream.form, windowBits }
    const budget = this.deps.subscriptionBudget.ofAddress(address)
    const subscriptions = new Subscriptions(limits, budget)
    const recipient = new Recipient(id, this.nameOf(id), socket, stream.limits)
    recipient.symbolBudget = budget
    const client = new Client({
      socket: webSocket,
      recipient,
      subscriptions,
      form,
      delivery,
      signs: new LifeSigns(patience.nowMs()),
      address,
      connectedMs: this.deps.clock.nowMs(),
    })
    listenToClient(client, this.sockets)
    registry.add(client)
    subscriptions.add(symbols, delivery.intervalMs)
    membership.join(
      recipient,
      { ...subscriptions.selection, ...form },
      {
        type: 'subscribed',
        symbols,
        ...deliveryFields(delivery.intervalMs),
        // A resume brings every tick that the client missed.
        snapshot: replayStart === null && delivery.snapshot,
      },
      // The reply names the symbols of the request, and these have at most so many bytes.
      limits.bytesMax,
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
  private spendReplies({ address, recipient }: Client): void {
    this.deps.workBudgets.ofConnection(address).spendShared(recipient.replyWork)
  }

  private nameOf(id: number): string {
    return `${this.deps.processName}-${id}`
  }

  /** An error was thrown before the client was registered. The error ends this connection only. */
  private admissionFailed(webSocket: GuardedWebSocket, id: number, err: unknown): void {
    const client = this.nameOf(id)
    this.deps.log.error({ err, client }, 'serving a client has failed: this is a bug in Ringcast')
    this.refusals.count('refusedFault')
    const { code, reason } = CLOSE_CODES.internalError
    try {
      webSocket.close(code, reason)
    } catch {
      // The same fault may make the close fail.
      webSocket.terminate()
    }
  }
}

function webSocketServer({ compression, maxMessageBytes }: HandlerOptions): GuardedWebSocketServer {
  return guardedWebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: compression && PER_MESSAGE_DEFLATE,
    maxPayload: maxMessageBytes,
    maxFragments: FRAGMENTS_MAX,
    // The heartbeat times close handshakes. The library would count time in which the thread could read nothing.
    closeTimeout: TIMER_MS_MAX,
    // Pongs are replies: they are bounded, and the client is told when it sends too many pings.
    autoPong: false,
    handleProtocols: (offered: Set<string>) => chooseSubprotocol(offered) ?? false,
  })
}
