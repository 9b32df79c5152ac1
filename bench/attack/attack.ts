/**
 * What an attack is: something that any client, or the feed, can do to a gateway, and what must not come of it.
 */
import type { LoadReport } from '../processes/load.js'

/** The gateway that the attacker is let loose on. */
export interface Target {
  readonly port: number
  readonly pid: number
  /** How long the attack is to last. */
  readonly seconds: number
}

export interface AttackReport {
  /** For people: how much the attacker did. */
  readonly done: string
  /** What the gateway did to the attacker that it must not. */
  readonly violations: readonly string[]
  /** When the gateway was told to stop, ms since the Unix epoch; undefined: it was not. */
  readonly stoppedMs?: number
}

/** What came of one attack, from the first quiet time to the last. */
export interface Seen {
  /** Of the live clients, over all that they lived through. */
  readonly clients: LoadReport
  readonly reports: readonly AttackReport[]
  /** Ticks that the feed made. */
  readonly ticksMade: number
}

export interface Attack {
  readonly name: string
  /** In one line: what the attacker does. */
  readonly does: string
  /** Settings that the gateway has for it, where an attack lasts so long; none by default. */
  readonly settings?: (seconds: number) => readonly string[]
  /** One attack of full length, in place of several that take turns with quiet times: its effect builds up. */
  readonly isOneLong?: boolean
  /** Whether the live clients' ticks may come late meanwhile: the gateway itself is stopped. */
  readonly mayDelay?: boolean
  /** The gateway ends, with exit code 0, and closes all clients. */
  readonly endsGateway?: boolean
  /** A feed that attacks when it is asked to, from dist/bench; in place of `run`. */
  readonly feed?: string
  /** In the attacker's process. Ends by itself after the target's seconds. */
  readonly run?: (target: Target) => Promise<AttackReport>
  /** What else is wrong with what was seen. */
  readonly faults?: (seen: Seen) => readonly string[]
}
