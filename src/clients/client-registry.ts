/**
 * All clients that are connected, and every way in which one ends. Main thread.
 * A client leaves by `remove`, once, whatever ended it.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { HandlerOptions } from '../config/config.js'
import type { Membership } from '../fanout/membership.js'
import type { Recipient } from '../fanout/recipient.js'
import type { Transmitter } from '../fanout/transmitter.js'
import type { CounterWriter } from '../memory/counters.js'
import { closeMetric, MAIN_SLOTS } from '../metrics/metric-table.js'
import { CLOSE_CODES, type CloseCode } from '../protocol/close-codes.js'
import type { GoodbyeReason } from '../protocol/messages.js'
import type { Client, EndReason } from './client.js'
import { ClientAges } from './client-ages.js'
import type { ClientLog } from './client-log.js'
import { Heartbeat } from './heartbeat.js'
import type { ReconnectAdvice } from './reconnect-advice.js'

export interface ClientRegistryDeps {
  readonly settings: HandlerOptions
  readonly clock: Clock
  readonly log: Log
  /** Clients that are silent or take nothing are judged by this clock. */
  readonly patience: PatientClock
  readonly counters: CounterWriter
  readonly transmitter: Transmitter
  readonly membership: Membership
  readonly advice: ReconnectAdvice
  readonly clientLog: ClientLog
}

/** A client whose access has ended is gone after so long, also if it does not read. */
const ACCESS_ENDED_MS = 500

/** How the connection of a client ends that was given a `goodbye`. */
const ENDS = {
  draining: { code: CLOSE_CODES.shutdown, endReason: 'disconnectShutdown' },
  max_age: { code: CLOSE_CODES.maxAge, endReason: 'disconnectMaxAge' },
} as const satisfies Record<GoodbyeReason, { readonly code: CloseCode; readonly endReason: EndReason }>

/** https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5 */
const NO_HANDSHAKE = 1006

export class ClientRegistry {
  readonly heartbeat: Heartbeat
  private readonly deps: ClientRegistryDeps
  private readonly ages: ClientAges
  private readonly sweep: Timer
  private readonly byRecipient = new Map<Recipient, Client>()
  private readonly whenEmpty: (() => void)[] = []

  constructor(deps: ClientRegistryDeps) {
    this.deps = deps
    const { clock, patience, settings, transmitter } = deps
    this.heartbeat = new Heartbeat(
      { ...settings, patience, blocked: () => transmitter.blockedRecipients() },
      {
        pongMissing: client => this.terminate(client, 'disconnectPong'),
        silent: client => this.terminate(client, 'disconnectRead'),
        writeStuck: recipient => this.closeSlow(recipient),
        closeStuck: client => this.terminate(client, 'disconnectClient'),
      },
    )
    this.ages = new ClientAges({
      maxAgeMs: settings.clientMaxAgeMs,
      clock,
      tooOld: client => this.sayGoodbye(client, 'max_age'),
    })
    this.sweep = clock.every(settings.sweepIntervalMs, () => this.removeDead())
  }

  get count(): number {
    return this.byRecipient.size
  }

  /** All clients, in the order in which they came. */
  get all(): Iterable<Client> {
    return this.byRecipient.values()
  }

  add(client: Client): void {
    const { counters } = this.deps
    this.byRecipient.set(client.recipient, client)
    counters.values[MAIN_SLOTS.connections]! += 1
    this.writeCount()
    this.heartbeat.add(client)
    this.ages.add(client)
    this.deps.clientLog.entered(client)
  }

  /** Sends the close frame behind the bytes in flight. */
  close(client: Client, { code, reason }: CloseCode, endReason: EndReason): void {
    client.beginEnd(endReason)
    this.deps.transmitter.mute(client.recipient)
    this.heartbeat.closing(client)
    // Messages that wait for a budget are dropped, and the client's close frame is read.
    client.socket.resume()
    // A client that has ended its side answers no close frame.
    if (client.recipient.socket.readableEnded) client.socket.terminate()
    else client.socket.close(code, reason)
  }

  /**
   * Closes a client and reads nothing more of it. Otherwise its messages would be parsed until the handshake is over.
   */
  closeWithoutReading(client: Client, code: CloseCode, endReason: EndReason): void {
    this.close(client, code, endReason)
    client.socket.pause()
    // Otherwise the client would wait for the gateway to read its close frame.
    client.recipient.socket.end()
  }

  /** The client may not be here any more. It gets no further tick, and is gone within a second. */
  endAccess(client: Client, why: 'accessExpired' | 'accessRevoked'): void {
    if (client.state !== 'open') return
    const endReason = why === 'accessExpired' ? 'disconnectExpired' : 'disconnectRevoked'
    this.closeWithoutReading(client, CLOSE_CODES[why], endReason)
    this.deps.clock.after(ACCESS_ENDED_MS, () => this.terminate(client, endReason))
  }

  /** @param name its public name */
  find(name: string): Client | undefined {
    for (const client of this.byRecipient.values()) if (client.recipient.name === name) return client
    return undefined
  }

  /** Cuts the connection. */
  terminate(client: Client, endReason: EndReason): void {
    client.beginEnd(endReason)
    client.socket.terminate()
  }

  /** The client has broken the WebSocket protocol. The library has sent a close frame; no tick may follow it. */
  protocolBroken(client: Client): void {
    client.beginEnd('disconnectProtocol')
    this.deps.transmitter.mute(client.recipient)
    this.heartbeat.closing(client)
  }

  /** An error was thrown while this client was served. It ends this client only. */
  failed(client: Client, err: unknown): void {
    const { address, recipient } = client
    this.deps.log.error(
      { err, client: recipient.name, address },
      'serving a client has failed: this is a bug in Ringcast',
    )
    try {
      this.closeWithoutReading(client, CLOSE_CODES.internalError, 'disconnectFault')
    } catch {
      // The same fault may make the close fail.
      client.socket.terminate()
    }
  }

  /** Cuts a client that holds bytes of the ring which a lane needs now. */
  evict(recipient: Recipient): void {
    const client = this.byRecipient.get(recipient)
    if (client === undefined) return
    this.terminate(client, 'disconnectCutOff')
    this.remove(client)
  }

  /** Closes the client of this public name. @returns false when there is none, or its end has begun */
  closeNamed(name: string): boolean {
    const client = this.find(name)
    if (client?.state !== 'open') return false
    this.close(client, CLOSE_CODES.operator, 'disconnectOperator')
    return true
  }

  /** Closes a client whose requests make lanes fail. @returns false when the client has left or its end has begun */
  endFaulty(id: number): boolean {
    for (const client of this.byRecipient.values()) {
      if (client.recipient.id !== id || client.state !== 'open') continue
      this.close(client, CLOSE_CODES.internalError, 'disconnectFault')
      return true
    }
    return false
  }

  /** Asks for the `goodbye` of a client that is not ending. It comes behind all that the client is to be sent. */
  sayGoodbye(client: Client, reason: GoodbyeReason): void {
    const { recipient, state } = client
    if (state !== 'open') return
    // A connection that is not writable takes nothing more.
    if (!recipient.socket.writable) this.close(client, ENDS[reason].code, ENDS[reason].endReason)
    else if (client.goodbye === undefined) {
      client.goodbye = reason
      const reconnectAfterMs = this.deps.advice.afterGoodbyeMs()
      this.deps.membership.sayGoodbye(recipient, { type: 'goodbye', reason, reconnectAfterMs })
    }
  }

  /** A client did not keep up, and is told that it misses ticks. */
  overrun(recipient: Recipient, missed: number): void {
    const client = this.byRecipient.get(recipient)
    if (client?.state === 'open') this.deps.clientLog.fellBehind(client, missed)
  }

  /** A client has its `goodbye`. */
  goodbyeGiven(recipient: Recipient): void {
    const client = this.byRecipient.get(recipient)
    if (client?.goodbye === undefined || client.state !== 'open') return
    const { code, endReason } = ENDS[client.goodbye]
    this.close(client, code, endReason)
  }

  /** Resolves when no client is left. */
  async empty(): Promise<void> {
    if (this.count === 0) return
    await new Promise<void>(resolve => {
      this.whenEmpty.push(resolve)
    })
  }

  /** Sends every client a close frame and cuts its connection. */
  stop(): void {
    this.heartbeat.stop()
    this.ages.stop()
    this.sweep.cancel()
    for (const client of this.byRecipient.values()) {
      if (client.state === 'open') this.close(client, CLOSE_CODES.shutdown, 'disconnectShutdown')
      this.terminate(client, 'disconnectShutdown')
      this.remove(client)
    }
    this.deps.clientLog.stop()
  }

  /** The connection is gone. Safe to call twice. @param code of its close handshake */
  remove(client: Client, code = NO_HANDSHAKE): void {
    if (!client.finishEnd()) return
    const { clientLog, clock, counters, transmitter } = this.deps
    const { recipient } = client
    // First: a client whose removal fails must not keep its place.
    this.byRecipient.delete(recipient)
    counters.values[MAIN_SLOTS[client.endReason]]! += 1
    counters.values[MAIN_SLOTS[closeMetric(code)]]! += 1
    this.writeCount()
    if (this.count === 0) for (const resolve of this.whenEmpty.splice(0)) resolve()
    this.heartbeat.remove(client)
    this.ages.remove(client)
    transmitter.leave(recipient)
    client.subscriptions.clear()
    counters.flush()
    clientLog.left(client, code, {
      ageMs: client.ageMs(clock.nowMs()),
      ticks: recipient.ticksBefore,
      bytes: recipient.sentBytes,
      worstLagMs: recipient.worstLagMs,
      gaps: recipient.gaps,
    })
  }

  private writeCount(): void {
    const { counters } = this.deps
    counters.values[MAIN_SLOTS.connectionsActive] = this.count
    counters.flush()
  }

  private closeSlow(recipient: Recipient): void {
    const client = this.byRecipient.get(recipient)
    if (client?.state === 'open') this.close(client, CLOSE_CODES.slowConsumer, 'disconnectSlow')
  }

  /** Removes clients whose connection died without an event. */
  private removeDead(): void {
    for (const client of this.byRecipient.values()) if (client.recipient.socket.destroyed) this.remove(client)
  }
}
