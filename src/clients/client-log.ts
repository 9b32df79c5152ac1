/**
 * The log lines about clients: who came, who left and why, who was refused. Main thread.
 * Clients cause these lines, so they are limited: see LimitedLines. Text that a client controls stands only in
 * `details`, which the log escapes.
 */
import type { Clock } from '../common/clock.js'
import { LINES_MAX, LINES_PERIOD_MS, LimitedLines } from '../common/limited-lines.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import type { CommandErrorCode } from '../protocol/error-codes.js'
import type { Client, EndReason } from './client.js'
import type { Refusal } from './refusal.js'

/** What a client was given, up to its end. */
export interface ClientAccount {
  readonly ageMs: number
  readonly ticks: number
  readonly bytes: number
  readonly worstLagMs: number
  /** Gaps that it was told because it was slow. */
  readonly gaps: number
}

/** A client that says by a message who it is gets no status. */
export interface RefusedRequest {
  readonly code: Refusal['code'] | CommandErrorCode
  readonly message: string
  readonly status?: number
}

/** As the log and `/clients` name the end of a client. */
const REASONS = {
  disconnectClient: 'client',
  disconnectSlow: 'slow_consumer',
  disconnectCutOff: 'cut_off',
  disconnectPong: 'pong_timeout',
  disconnectRead: 'read_timeout',
  disconnectProtocol: 'protocol',
  disconnectFault: 'fault',
  disconnectShutdown: 'shutdown',
  disconnectMaxAge: 'max_age',
  disconnectOperator: 'operator',
  disconnectExpired: 'access_expired',
  disconnectRevoked: 'access_revoked',
} as const satisfies Record<EndReason, string>

/** Ends that are nobody's fault. The others are warnings. */
const ORDERLY: ReadonlySet<EndReason> = new Set([
  'disconnectClient',
  'disconnectShutdown',
  'disconnectMaxAge',
  'disconnectOperator',
  'disconnectExpired',
  'disconnectRevoked',
])

/** The limit that has been reached, by the code of the refusal. These refusals are warnings. */
const LIMITS: Readonly<Partial<Record<RefusedRequest['code'], string>>> = {
  limit: variableOf('maxClients'),
  subscriptions_full: variableOf('subscriptionsMax'),
  too_many_connections: variableOf('connectionsPerSecond'),
  history_busy: variableOf('historyQueue'),
  too_many_requests: `${variableOf('addressWorkPerSecond')}, ${variableOf('totalWorkPerSecond')}`,
  overload: variableOf('poolSize'),
  address_full: variableOf('maxClientsPerAddress'),
  user_full: variableOf('maxClientsPerUser'),
}

interface Kind {
  readonly event: 'entered' | 'left' | 'refused' | 'slow'
  readonly reason?: string
  readonly isWarning: boolean
}

const ENTERED: Kind = { event: 'entered', isWarning: false }
const SLOW: Kind = { event: 'slow', reason: 'slow', isWarning: true }
const SUPPRESSED_WORDS = {
  entered: 'have come',
  left: 'have left',
  refused: 'were refused',
  slow: 'did not keep up',
} as const
/** A client that is slow for long is told about once in so many ms. */
const SLOW_AGAIN_MS = 60_000

export class ClientLog {
  private readonly log: Log
  private readonly clock: Pick<Clock, 'nowMs'>
  private readonly lines: LimitedLines<Kind>
  /** One object for each kind: LimitedLines tells kinds apart by it. */
  private readonly kinds = new Map<string, Kind>()

  constructor({ clock, log }: { readonly clock: Pick<Clock, 'nowMs' | 'after'>; readonly log: Log }) {
    this.log = log
    this.clock = clock
    this.lines = new LimitedLines(clock, (kind, suppressed) => this.tellSuppressed(kind, suppressed))
  }

  entered({ address, recipient, user }: Client): void {
    if (this.lines.take(ENTERED))
      this.log.info({ client: recipient.name, address, user }, 'a client has come')
  }

  /** The client is told a gap. @param missed ticks in it */
  fellBehind(client: Client, missed: number): void {
    const nowMs = this.clock.nowMs()
    if (nowMs - client.slowToldMs < SLOW_AGAIN_MS) return
    client.slowToldMs = nowMs
    if (!this.lines.take(SLOW)) return
    const { address, recipient, user } = client
    const { gaps, name, worstLagMs } = recipient
    this.log.warn(
      { client: name, address, user, missed, gaps, worstLagMs },
      'a client does not keep up, and is told a gap',
    )
  }

  /** @param code of the close handshake; 1006: there was none */
  left({ address, endReason, recipient, user }: Client, code: number, account: ClientAccount): void {
    const reason = REASONS[endReason]
    const isWarning = !ORDERLY.has(endReason)
    if (!this.lines.take(this.kind({ event: 'left', reason, isWarning }))) return
    const details = { client: recipient.name, address, user, reason, code, ...account }
    if (isWarning) this.log.warn(details, 'a client was ended')
    else this.log.info(details, 'a client has left')
  }

  refused({ code, message, status }: RefusedRequest, address: string | undefined): void {
    const limit = LIMITS[code]
    const isWarning = limit !== undefined
    if (!this.lines.take(this.kind({ event: 'refused', reason: code, isWarning }))) return
    const details = { reason: code, status, address, why: message }
    if (isWarning) this.log.warn({ ...details, setting: limit }, 'a client was refused: a limit is reached')
    else this.log.info(details, 'a client was refused')
  }

  /** Tells what was left out so far. */
  stop(): void {
    this.lines.stop()
  }

  private kind(kind: Kind): Kind {
    const key = `${kind.event} ${kind.reason}`
    const known = this.kinds.get(key)
    if (known === undefined) this.kinds.set(key, kind)
    return known ?? kind
  }

  private tellSuppressed({ event, isWarning, reason }: Kind, suppressed: number): void {
    const seconds = LINES_PERIOD_MS / 1000
    const text =
      `${suppressed} more clients ${SUPPRESSED_WORDS[event]} for this reason: ` +
      `at most ${LINES_MAX} lines in ${seconds} s tell of one client each`
    if (isWarning) this.log.warn({ reason, suppressed }, text)
    else this.log.info({ reason, suppressed }, text)
  }
}
