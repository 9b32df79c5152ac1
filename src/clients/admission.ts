/**
 * Decides whether an upgrade request becomes a client, and lets the client in. Main thread.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { GuardedWebSocket } from '../common/guarded-web-socket.js'
import { peerAddressOf } from '../common/peer-address.js'
import { isSought } from '../fanout/wanted-start.js'
import { CLOSE_CODES } from '../protocol/close-codes.js'
import type { AccessControl } from './access/access-control.js'
import { type AccessAnswer, isDenied } from './access/identity.js'
import {
  credentialsOf,
  type Introduction,
  introductionOf,
  refusalOfDenied,
  TOKEN_MISSING,
} from './access/introduction.js'
import { requestToken } from './access/request-token.js'
import { AdmissionQueue } from './admission-queue.js'
import { WORK_PER_TOKEN } from './command-handler.js'
import { holdSocket } from './held-socket.js'
import { LateRefusals } from './late-refusals.js'
import { type Accepted, Newcomers, type NewcomersDeps } from './newcomers.js'
import { badRequest, isRefusal, type Refusal } from './refusal.js'
import { isStartError, readReplayStart, type StreamExtent } from './replay-start.js'
import {
  DRAINING,
  PAST_FULL,
  type RequestRefusals,
  TOO_MANY_CONNECTIONS,
  TOO_MANY_REQUESTS,
} from './request-refusals.js'
import { RequestScreen } from './request-screen.js'
import { offeredBy, readUpgradeRequest } from './upgrade-request.js'
import { Upgrader } from './upgrader.js'
import { WAIT_MS_MAX, WORK_PER_CONNECTION, WORK_PER_SYMBOL } from './work-budgets.js'

export interface AdmissionDeps extends NewcomersDeps, StreamExtent {
  readonly refusals: RequestRefusals
  /** Whether all lanes are too far behind to take one more client. */
  readonly areLanesBusy: () => boolean
}

/** A connection, and the address of its client. */
type Arrival = Pick<Accepted, 'address' | 'socket'>

/** An upgrade request that is well-formed. */
interface Candidate extends Omit<Accepted, 'id' | 'windowBits'> {
  readonly request: IncomingMessage
  readonly head: Buffer
  /** undefined: nobody is asked, or the client is to say it by a message. */
  readonly introduction: Introduction | undefined
}

/** The end of an upgrade request: `refused` here and now; otherwise it is accepted. */
type Outcome = 'accepted' | 'refused'

export class Admission {
  private readonly deps: AdmissionDeps
  private readonly screen: RequestScreen
  private readonly upgrader: Upgrader
  private readonly lateRefusals: LateRefusals
  private readonly queue: AdmissionQueue
  private readonly refusals: RequestRefusals
  private readonly newcomers: Newcomers
  private nextId = 1
  private isDraining = false

  constructor(deps: AdmissionDeps) {
    this.deps = deps
    this.newcomers = new Newcomers(deps)
    this.refusals = deps.refusals
    this.screen = new RequestScreen(deps)
    this.upgrader = new Upgrader({
      settings: deps.settings,
      refused: (socket, message) => this.refusals.refuse(socket, badRequest('bad_handshake', message)),
    })
    this.lateRefusals = new LateRefusals(deps.clock, socket =>
      this.refusals.refuse(socket, TOO_MANY_REQUESTS),
    )
    const { clock, counters, settings, workBudgets } = deps
    const { pace } = workBudgets
    this.queue = new AdmissionQueue({ perSecond: settings.connectionsPerSecond, pace, clock, counters })
  }

  /** From now on every request is refused. */
  refuseAll(): void {
    this.isDraining = true
    this.lateRefusals.flush()
    this.deps.access?.waits.close()
    for (const socket of this.queue.close()) this.refusals.refuse(socket, DRAINING)
  }

  /**
   * Replies to an upgrade request: with a WebSocket, or with a status and the reason. While many clients connect, and
   * while it is asked who the client is, the reply comes later.
   *
   * @returns whether the request is accepted: the connection is a WebSocket, or may become one later
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    try {
      return this.receive(request, socket, head) === 'accepted'
    } catch (err) {
      this.failed(socket, err)
      return false
    }
  }

  private receive(request: IncomingMessage, socket: Duplex, head: Buffer): Outcome {
    const remoteAddress = peerAddressOf(request.socket)
    // The socket keeps each address that is asked for, so its own is asked for only here.
    if (remoteAddress === undefined && request.socket.localAddress !== undefined) {
      // The peer has reset the TCP connection. Nobody is there to be charged, or to read a reply.
      socket.destroy()
      return 'refused'
    }
    const address = this.screen.addressOf(remoteAddress, request.headers)
    const { access, limits, workBudgets } = this.deps
    const work = workBudgets.ofConnection(address)
    if (work.debtMs() > WAIT_MS_MAX) {
      this.lateRefusals.add(socket)
      return 'refused'
    }
    work.charge(WORK_PER_CONNECTION + (request.url?.length ?? 0))
    const unwanted = this.screen.refusalOf(address, request.headers)
    if (unwanted !== undefined) return this.refuse({ address, socket }, unwanted)
    const stream = readUpgradeRequest(request, limits)
    if (isRefusal(stream)) return this.refuse({ address, socket }, stream)
    const replayStart = readReplayStart(stream.start, this.deps)
    if (isStartError(replayStart))
      return this.refuse({ address, socket }, badRequest(replayStart.code, replayStart.message))
    const refusal = this.refusalOf({ stream, address, introduction: undefined, replayStart })
    if (refusal !== undefined) return this.refuse({ address, socket }, refusal)
    work.charge(stream.symbols.length * WORK_PER_SYMBOL)
    const candidate = { request, head, socket, stream, address, replayStart, introduction: undefined }
    return access === undefined ? this.enqueue(candidate) : this.authenticate(access, candidate)
  }

  private authenticate(access: AccessControl, candidate: Candidate): Outcome {
    const { address, request, socket } = candidate
    const token = requestToken(request.url ?? '', request.headers, offeredBy(request))
    if (typeof token === 'object') return this.refuse(candidate, refusalOfDenied(token))
    this.deps.workBudgets.ofConnection(address).charge(WORK_PER_TOKEN)
    let isGone = false
    const release = holdSocket(socket, () => {
      isGone = true
    })
    void access.gatekeeper.check(credentialsOf(candidate, token)).then(answer => {
      release()
      if (isGone || socket.destroyed) return
      try {
        this.answered(access, candidate, answer)
      } catch (err) {
        this.failed(socket, err)
      }
    })
    return 'accepted'
  }

  /** It is known who the client is, or that it is to say so by a message. */
  private answered(access: AccessControl, candidate: Candidate, answer: AccessAnswer): void {
    const { stream } = candidate
    if (answer === undefined && !access.takesMessages) {
      this.refuse(candidate, refusalOfDenied(TOKEN_MISSING))
      return
    }
    if (answer !== undefined && isDenied(answer)) {
      this.refuse(candidate, refusalOfDenied(answer))
      return
    }
    const introduction = answer && introductionOf(stream, answer, undefined)
    if (isRefusal(introduction)) {
      this.refuse(candidate, introduction)
      return
    }
    const known = { ...candidate, introduction }
    const refusal = this.refusalOf(known)
    if (refusal === undefined) this.enqueue(known)
    else this.refuse(candidate, refusal)
  }

  private enqueue(candidate: Candidate): Outcome {
    const { socket, stream } = candidate
    const work = WORK_PER_CONNECTION + stream.symbols.length * WORK_PER_SYMBOL
    switch (this.queue.enter(socket, work, () => this.letInLater(candidate))) {
      case 'now':
        return this.upgrade(candidate) ? 'accepted' : 'refused'
      case 'waits':
        return 'accepted'
      case 'full':
        return this.refuse(candidate, TOO_MANY_CONNECTIONS)
    }
  }

  /** The turn of a request has come. Meanwhile the places may have been taken. */
  private letInLater(candidate: Candidate): void {
    const { socket } = candidate
    try {
      const refusal = this.refusalOf(candidate)
      if (refusal === undefined) this.upgrade(candidate)
      else this.refuse(candidate, refusal)
    } catch (err) {
      this.failed(socket, err)
    }
  }

  private refuse({ address, socket }: Arrival, refusal: Refusal): 'refused' {
    this.refusals.refuse(socket, refusal, address)
    return 'refused'
  }

  private failed(socket: Duplex, err: unknown): void {
    this.deps.log.error({ err }, 'an upgrade request has failed: this is a bug in Ringcast')
    const message = 'the gateway has failed while it handled the request: this is a bug, see its log'
    this.refusals.refuse(socket, { status: 500, code: 'internal', message })
  }

  /** Why this request is refused now; undefined when it is not. */
  private refusalOf({
    address,
    introduction,
    replayStart,
    stream,
  }: Pick<Candidate, 'address' | 'introduction' | 'replayStart' | 'stream'>): Refusal | undefined {
    const { areLanesBusy, connections, past, registry, settings, subscriptionBudget } = this.deps
    if (this.isDraining) return DRAINING
    if (areLanesBusy())
      return { status: 503, code: 'overload', message: 'all workers are too far behind: try again later' }
    const { maxClients } = settings
    if (registry.count + this.queue.count >= maxClients)
      return { status: 503, code: 'limit', message: `all ${maxClients} places are taken: try again later` }
    const full =
      connections.refusalOfAddress(address) ??
      (introduction && connections.refusalOfUser(introduction.identity))
    if (full !== undefined) return full
    if (isSought(replayStart) && !past.hasRoom) return PAST_FULL
    const budget = subscriptionBudget.ofAddress(address)
    if (budget.hasRoomFor(stream.symbols.length)) return undefined
    return { status: 503, code: 'subscriptions_full', message: budget.refusal }
  }

  /** @returns false when the library has refused the handshake */
  private upgrade(candidate: Candidate): boolean {
    const { head, request, socket, stream } = candidate
    return this.upgrader.upgrade(request, socket, head, stream.compression, (webSocket, windowBits) => {
      const id = this.nextId++
      webSocket.onFault = err => this.admissionFailed(webSocket, id, err)
      webSocket.guard(() => this.enter(webSocket, candidate, { ...candidate, id, windowBits }))
    })
  }

  /** The connection is a WebSocket: of a client, or of one that has still to say who it is. */
  private enter(webSocket: GuardedWebSocket, candidate: Candidate, accepted: Accepted): void {
    const { access, connections } = this.deps
    const { address, introduction, replayStart, stream } = candidate
    if (access === undefined || introduction !== undefined) {
      this.newcomers.letIn(webSocket, accepted, introduction)
      return
    }
    connections.add(address)
    const release = (): void => connections.remove(address)
    webSocket.on('close', release)
    access.waits.add(webSocket, credentialsOf(candidate, undefined), (identity, id) => {
      const known = introductionOf(stream, identity, { id })
      if (isRefusal(known))
        return { code: 'not_entitled', message: known.message, close: CLOSE_CODES.unauthenticated }
      // The address has this connection already.
      const refusal = this.refusalOf({ stream, address: undefined, introduction: known, replayStart })
      if (refusal !== undefined) {
        const code = refusal.code === 'user_full' ? 'user_full' : 'no_place'
        return { code, message: refusal.message, close: CLOSE_CODES.tryAgainLater }
      }
      webSocket.off('close', release)
      release()
      this.newcomers.letIn(webSocket, accepted, known)
      return undefined
    })
  }

  /** An error was thrown before the client was registered. The error ends this connection only. */
  private admissionFailed(webSocket: GuardedWebSocket, id: number, err: unknown): void {
    const client = this.newcomers.nameOf(id)
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
