/**
 * The form of an attack: something that any client, or the feed, can do to a gateway, and the damage that must not
 * follow.
 */
import type { LoadReport } from '../processes/load.js'

/** For attacks that must reach another bound than those of work and of connections. */
export const AMPLE_WORK: readonly string[] = [
  '--client-work-per-second=1GiB',
  '--address-work-per-second=1GiB',
  '--total-work-per-second=1GiB',
  '--connections-per-second=100000',
]

/** The gateway that is attacked. */
export interface Target {
  readonly port: number
  readonly pid: number
  /** Duration of the attack. */
  readonly seconds: number
}

export interface AttackReport {
  /** How much the attacker did, for people. */
  readonly done: string
  /** What the gateway did to the attacker although it must not. */
  readonly violations: readonly string[]
  /** When the gateway was told to stop, ms since the Unix epoch; undefined: it was not told. */
  readonly stoppedMs?: number
}

/** What was seen of one attack, from the first quiet time to the last. */
export interface Seen {
  /** Results of the live clients, over their whole lives. */
  readonly clients: LoadReport
  readonly reports: readonly AttackReport[]
  /** Ticks that the feed made. */
  readonly ticksMade: number
}

export interface Attack {
  readonly name: string
  /** What the attacker does, in one line. */
  readonly does: string
  /** Settings of the gateway for an attack of this duration; none by default. */
  readonly settings?: (seconds: number) => readonly string[]
  /** Symbols of the feed; 50 by default. */
  readonly symbols?: number
  /** The gateway may take so much memory at any time. */
  readonly rssMiBMax?: number
  /** One attack of full length instead of several between quiet times, because its effect builds up. */
  readonly isOneLong?: boolean
  /** Whether the ticks of the live clients may come late, because the attack stops the gateway itself. */
  readonly mayDelay?: boolean
  /** The gateway ends, with exit code 0, and closes all clients. */
  readonly endsGateway?: boolean
  /** File of a feed that attacks on request, from dist/bench; instead of `run`. */
  readonly feed?: string
  /** Runs in the attacker's process. Ends by itself after the target's seconds. */
  readonly run?: (target: Target) => Promise<AttackReport>
  /** Further faults in what was seen. */
  readonly faults?: (seen: Seen) => readonly string[]
}
