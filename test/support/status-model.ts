/**
 * The states of the feed that a client of a storm must be told: none twice in a connection, none behind a newer one, and
 * the newest one in the end. The reason of each state is its number.
 */
import type { StatusMessage } from '../../src/protocol/messages.js'

export class StatusModel {
  /** Number of the last state that the client was told in this connection. */
  private last = 0
  private readonly wrong: (text: string) => void

  constructor(wrong: (text: string) => void) {
    this.wrong = wrong
  }

  connected(): void {
    this.last = 0
  }

  take({ feed, reason }: StatusMessage): void {
    const number = Number(reason)
    if (number <= this.last) this.wrong(`state ${number} of the feed behind state ${this.last}`)
    if (feed !== stateOf(number)) this.wrong(`state ${number} of the feed is ${feed}`)
    this.last = number
  }

  end(newest: number): void {
    if (this.last !== newest) this.wrong(`state ${this.last} of the feed in place of ${newest}`)
  }
}

/** The states of a storm: 1, 2, 3 … */
export function stateOf(number: number): 'down' | 'live' {
  return number % 2 === 1 ? 'down' : 'live'
}
