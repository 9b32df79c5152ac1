/**
 * All clients, from the upgrade to the end: lets them in, answers them, ends them, counts them. Main thread.
 * Every way in which a client can end comes through `remove`, once.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Server, WebSocketServer } from 'ws'
import { type Clock, TIMER_MS_MAX, type Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { HandlerOptions } from '../config/config.js'
import type { Membership } from '../fanout/membership.js'
import { Recipient } from '../fanout/recipient.js'
import type { Transmitter } from '../fanout/transmitter.js'
import { RESUME_GONE } from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { CLOSE_CODES, type CloseCode } from '../protocol/close-codes.js'
import { negotiatedWindowBits, PER_MESSAGE_DEFLATE } from '../protocol/deflate-negotiation.js'
import { deliveryFields } from '../protocol/delivery.js'
import { type ControlMessage, messageText } from '../protocol/messages.js'
import { Client, type EndReason } from './client.js'
import { CommandHandler } from './command-handler.js'
import { GuardedWebSocket } from './guarded-web-socket.js'
import { Heartbeat } from './heartbeat.js'
import { MessageQuota } from './message-quota.js'
import { type SubscriptionLimits, Subscriptions } from './subscriptions.js'
import { refuseUpgrade } from './upgrade-refusal.js'
import { chooseSubprotocol, type Refusal, readUpgradeRequest, type StreamRequest } from './upgrade-request.js'

// Answers are short and a client's own: compressing them would cost each client a compressor.
const PLAIN = { compress: false }
/** Answers a client may leave untaken before it is closed. */
const ANSWERS_UNSENT_MAX = 64
/** Of one message: an empty one costs as much as a message, and is not counted as one. */
const FRAGMENTS_MAX = 64

/** What is done with a message. */
const OBEY = 'obey'
const REFUSE = 'refuse'
const IGNORE = 'ignore'

export interface ClientRegistryOptions {
  readonly settings: HandlerOptions
  /** Names the run of the process; part of every client's name. */
  readonly epoch: string
  readonly clock: Clock
  readonly log: Log
  /** By which clients are judged that say or take nothing. */
  readonly patience: PatientClock
  readonly counters: CounterWriter
  readonly transmitter: Transmitter
  readonly membership: Membership
  /** What one client's symbols may take, and what the answers may take that it waits for; bytes of JSON. */
  readonly answerBytesMax: number
  /** Whether the lanes are too far behind to be told of one more client. */
  readonly isOverloaded: () => boolean
  /** Offset of the newest tick. */
  readonly lastOffset: () => number
}

export class ClientRegistry {
  private readonly options: ClientRegistryOptions
  private readonly server: Server<typeof GuardedWebSocket>
  private readonly heartbeat: Heartbeat
  private readonly commands: CommandHandler
  private readonly limits: SubscriptionLimits
  private readonly sweep: Timer
  private readonly all = new Set<Client>()
  private readonly byRecipient = new Map<Recipient, Client>()
  private nextId = 1
  /** Negotiated for the upgrade in hand. */
  private windowBits = 0
  private isDraining = false
  private readonly whenEmpty: (() => void)[] = []

  constructor(options: ClientRegistryOptions) {
    this.options = options
    const { settings, clock, patience, transmitter } = options
    const serverOptions = {
      WebSocket: GuardedWebSocket,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: settings.compression && PER_MESSAGE_DEFLATE,
      maxPayload: settings.maxMessageBytes,
      maxFragments: FRAGMENTS_MAX,
      // The heartbeat times close handshakes: the library would count the time in which nothing could be read.
      closeTimeout: TIMER_MS_MAX,
      // Pongs are answers like others: bounded, and the client is told when there are too many.
      autoPong: false,
      handleProtocols: (offered: Set<string>) => chooseSubprotocol(offered) ?? false,
    }
    this.server = new WebSocketServer(serverOptions)
    this.server.on('wsClientError', ({ message }, socket) =>
      this.refuse(socket, { status: 400, code: 'bad_handshake', message }),
    )
    this.server.on('headers', headers => {
      this.windowBits = negotiatedWindowBits(headers)
    })
    // Half, so that the first answer leaves room for others.
    this.limits = { countMax: settings.maxSymbolsPerClient, bytesMax: Math.floor(options.answerBytesMax / 2) }
    this.commands = new CommandHandler(options)
    this.heartbeat = new Heartbeat(
      { ...settings, patience, blocked: () => transmitter.blockedRecipients() },
      {
        pongMissing: client => this.terminate(client, 'disconnectPong'),
        silent: client => this.terminate(client, 'disconnectRead'),
        writeStuck: recipient => this.closeSlow(recipient),
        closeStuck: client => this.terminate(client, 'disconnectClient'),
      },
    )
    this.sweep = clock.every(settings.sweepIntervalMs, () => this.removeDead())
  }

  get count(): number {
    return this.all.size
  }

  /**
   * Answers an upgrade request: with a WebSocket, or with a status that says why not.
   *
   * @returns whether the connection has become a WebSocket
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    let isClient = false
    try {
      const asked = readUpgradeRequest(request, this.limits)
      const refusal = 'refusal' in asked ? asked.refusal : (this.resumeRefusal(asked) ?? this.refusalNow())
      if (refusal !== undefined) {
        this.refuse(socket, refusal)
      } else if ('symbols' in asked) {
        // Calls back at once, or refuses.
        this.server.handleUpgrade(request, socket, head, webSocket => {
          isClient = true
          webSocket.guard(() => this.letIn(webSocket, socket, asked))
        })
      }
    } catch (err) {
      this.upgradeFailed(socket, err)
    }
    return isClient
  }

  /** Ends a client whose bytes the ring needs now. */
  cutOff(recipient: Recipient): void {
    const client = this.byRecipient.get(recipient)
    if (client === undefined) return
    this.terminate(client, 'disconnectCutOff')
    this.remove(client)
  }

  /** Ends a client whose answers make workers fail. @returns false when it has left, or was ended before */
  endFaulty(id: number): boolean {
    for (const client of this.all) {
      if (client.recipient.id !== id || client.endReason !== undefined) continue
      this.close(client, CLOSE_CODES.internalError, 'disconnectFault')
      return true
    }
    return false
  }

  /** Lets nobody in any more. */
  drain(): void {
    this.isDraining = true
  }

  /** Closes every client that has been sent all that it is due, since the gateway shuts down. */
  closeServed(isServed: (recipient: Recipient) => boolean): void {
    for (const client of this.all) {
      const { endReason, recipient } = client
      // One that has ended the connection cannot be sent anything more.
      if (endReason === undefined && (!recipient.socket.writable || isServed(recipient)))
        this.close(client, CLOSE_CODES.shutdown, 'disconnectShutdown')
    }
  }

  /** Resolves when no client is left. */
  async empty(): Promise<void> {
    if (this.all.size === 0) return
    await new Promise<void>(resolve => {
      this.whenEmpty.push(resolve)
    })
  }

  /** Ends whoever is left: those that read are told, and those that do not are cut. */
  stop(): void {
    this.heartbeat.stop()
    this.sweep.cancel()
    for (const client of this.all) {
      if (client.endReason === undefined) this.close(client, CLOSE_CODES.shutdown, 'disconnectShutdown')
      this.terminate(client, 'disconnectShutdown')
      this.remove(client)
    }
  }

  // In

  private refusalNow(): Refusal | undefined {
    const { maxClients } = this.options.settings
    if (this.isDraining)
      return { status: 503, code: 'draining', message: 'shutting down: connect again in a moment' }
    if (this.options.isOverloaded())
      return { status: 503, code: 'overload', message: 'too far behind the feed: try again later' }
    if (this.all.size < maxClients) return undefined
    return { status: 503, code: 'limit', message: `all ${maxClients} places are taken: try again later` }
  }

  private resumeRefusal({ resume }: StreamRequest): Refusal | undefined {
    const lastOffset = this.options.lastOffset()
    if (resume?.epoch !== this.options.epoch || resume.offset <= lastOffset) return undefined
    const message = `there is no offset ${resume.offset} yet to resume from, the last one is ${lastOffset}`
    return { status: 400, code: 'bad_resume', message }
  }

  private refuse(socket: Duplex, refusal: Refusal): void {
    this.countOne(REFUSALS[refusal.code] ?? 'refusedRequest')
    const { clock, settings } = this.options
    refuseUpgrade(socket, refusal, {
      retryAfterS: settings.retryAfterS,
      timeoutMs: settings.closeTimeoutMs,
      clock,
    })
  }

  private letIn(webSocket: GuardedWebSocket, socket: Duplex, asked: StreamRequest): void {
    const { delivery, limits, resume, symbols } = asked
    // The headers of this very upgrade were written just before.
    const form = { ...asked.form, windowBits: this.windowBits }
    const { counters, epoch, membership, patience } = this.options
    const id = this.nextId++
    const name = `${epoch}-${id}`
    webSocket.onFault = err => this.clientFailed(webSocket, name, undefined, err)
    const recipient = new Recipient(id, name, socket, limits)
    if (resume !== undefined) {
      const { offset } = resume
      recipient.transfer.resume(resume.epoch === epoch ? { offset, seq: 0, continuity: null } : RESUME_GONE)
    }
    const subscriptions = new Subscriptions(this.limits)
    subscriptions.add(symbols, delivery.intervalMs)
    const client = new Client({
      socket: webSocket,
      recipient,
      subscriptions,
      form,
      delivery,
      nowMs: patience.nowMs(),
    })
    webSocket.onFault = err => this.clientFailed(webSocket, name, client, err)
    this.all.add(client)
    this.byRecipient.set(recipient, client)
    this.listenTo(client, webSocket)
    counters.values[MAIN_SLOTS.connections]! += 1
    counters.values[MAIN_SLOTS.connectionsActive] = this.all.size
    counters.flush()
    this.heartbeat.add(client)
    membership.join(
      recipient,
      { ...subscriptions.selection, ...form },
      {
        type: 'subscribed',
        symbols,
        ...deliveryFields(delivery.intervalMs),
        // One that resumes gets all that it missed.
        snapshot: resume === undefined && delivery.snapshot,
      },
      this.limits.bytesMax,
    )
  }

  private listenTo(client: Client, webSocket: GuardedWebSocket): void {
    webSocket.on('message', (data, isBinary) => {
      const verdict = this.verdictOn(client)
      if (verdict === OBEY) this.answer(client, this.commands.obey(client, data, isBinary))
      else if (verdict === REFUSE) this.answer(client, this.commands.refuse(client, data, isBinary))
    })
    webSocket.on('ping', data => {
      const verdict = this.verdictOn(client)
      if (verdict === OBEY) {
        client.answersUnsent++
        webSocket.pong(data, false, () => client.answersUnsent--)
      } else if (verdict === REFUSE) this.answer(client, this.commands.refuse(client, undefined, false))
    })
    webSocket.on('pong', () => {
      // One that nobody has asked for is a message like others, but for the answer.
      if (!this.heartbeat.ponged(client)) this.verdictOn(client)
    })
    webSocket.on('error', () => {
      client.endReason ??= 'disconnectProtocol'
      // The library has sent a close frame, behind which there must be nothing.
      this.silence(client)
      this.heartbeat.close(client)
    })
    // When the client closes the connection, nothing tells of it but that the library has ended its side.
    client.recipient.socket.once('finish', () => this.heartbeat.close(client))
    webSocket.on('close', () => this.remove(client))
  }

  private answer(client: Client, message: ControlMessage | undefined): void {
    if (message === undefined) return
    client.answersUnsent++
    client.socket.send(messageText(message), PLAIN, () => client.answersUnsent--)
  }

  /** Counts one more message, before anybody looks at it. A client that sends far too many, or leaves too many answers untaken, is closed. */
  private verdictOn(client: Client): typeof OBEY | typeof REFUSE | typeof IGNORE {
    if (client.endReason !== undefined) return IGNORE
    const { clock, patience, settings } = this.options
    this.heartbeat.heard(client)
    // What the kernel took at once is told as sent only after all messages of the same read.
    const isTaken = client.recipient.socket.writableLength === 0
    if (isTaken || client.answersUnsent < ANSWERS_UNSENT_MAX) {
      client.messageLimits ??= new MessageQuota(settings.maxCommandsPerSecond, clock, patience)
      if (client.messageLimits.commands.tryTake()) return OBEY
      if (client.messageLimits.refusals.tryTake()) return REFUSE
    }
    this.closeUnread(client, CLOSE_CODES.tooManyRequests, 'disconnectProtocol')
    return IGNORE
  }

  // Faults

  /** Something was thrown while an upgrade was handled: that ends this connection, and no other. */
  private upgradeFailed(socket: Duplex, err: unknown): void {
    this.options.log.error({ err }, 'an upgrade request has failed: this is a bug in Ringcast')
    const message = 'the gateway has failed as it handled the request: this is a bug, of which its log tells'
    this.refuse(socket, { status: 500, code: 'internal', message })
  }

  /**
   * Something was thrown while a client was served: that ends this client, and no other.
   *
   * @param client undefined: not even begun
   */
  private clientFailed(
    webSocket: GuardedWebSocket,
    name: string,
    client: Client | undefined,
    err: unknown,
  ): void {
    this.options.log.error({ err, client: name }, 'serving a client has failed: this is a bug in Ringcast')
    const { code, reason } = CLOSE_CODES.internalError
    try {
      if (client !== undefined) this.closeUnread(client, CLOSE_CODES.internalError, 'disconnectFault')
      else {
        this.countOne('refusedFault')
        webSocket.close(code, reason)
      }
    } catch {
      // What has failed may have left half done what is needed now.
      webSocket.terminate()
    }
  }

  // Out

  /** Closes in order, behind what is in flight. */
  private close(client: Client, { code, reason }: CloseCode, endReason: EndReason): void {
    client.endReason ??= endReason
    this.silence(client)
    this.heartbeat.close(client)
    // One that has ended its side answers nothing.
    if (client.recipient.socket.readableEnded) client.socket.terminate()
    else client.socket.close(code, reason)
  }

  /** Closes a client of which nothing more is read: it would be parsed until the handshake is over or has timed out. */
  private closeUnread(client: Client, code: CloseCode, endReason: EndReason): void {
    this.close(client, code, endReason)
    client.socket.pause()
    // So that it need not wait for its own close frame to be read.
    client.recipient.socket.end()
  }

  /** Sends no more ticks. */
  private silence({ recipient }: Client): void {
    this.options.transmitter.mute(recipient)
    this.options.membership.leave(recipient)
  }

  private closeSlow(recipient: Recipient): void {
    const client = this.byRecipient.get(recipient)
    if (client !== undefined && client.endReason === undefined) {
      this.close(client, CLOSE_CODES.slowConsumer, 'disconnectSlow')
    }
  }

  private terminate(client: Client, endReason: EndReason): void {
    client.endReason ??= endReason
    client.socket.terminate()
  }

  private remove(client: Client): void {
    if (client.hasEnded) return
    client.hasEnded = true
    const { counters, membership, transmitter } = this.options
    // First, so that it does not hold its place should the rest fail.
    this.all.delete(client)
    this.byRecipient.delete(client.recipient)
    this.countOne(client.endReason ?? 'disconnectClient')
    counters.values[MAIN_SLOTS.connectionsActive] = this.all.size
    counters.flush()
    if (this.all.size === 0) for (const resolve of this.whenEmpty.splice(0)) resolve()
    this.heartbeat.remove(client)
    transmitter.leave(client.recipient)
    membership.leave(client.recipient)
  }

  /** What no event told of: a client whose socket is gone. */
  private removeDead(): void {
    for (const client of this.all) {
      if (client.recipient.socket.destroyed) this.remove(client)
    }
  }

  private countOne(metric: keyof typeof MAIN_SLOTS): void {
    this.options.counters.values[MAIN_SLOTS[metric]]! += 1
    this.options.counters.flush()
  }
}

const REFUSALS: Readonly<Record<string, keyof typeof MAIN_SLOTS>> = {
  unknown_path: 'refusedPath',
  internal: 'refusedFault',
  limit: 'refusedLimit',
  overload: 'refusedOverload',
  draining: 'refusedDraining',
}
