/**
 * Refuses clients that come before the gateway knows the schema of its feed. Main thread.
 * Why they cannot be let in: docs/decisions/0076-how-a-schema-is-loaded.md.
 */
import type { Duplex } from 'node:stream'
import { type RefusalOptions, refuseUpgrade } from '../clients/upgrade-refusal.js'

export class EarlyRefusals {
  private readonly options: RefusalOptions
  private _count = 0

  constructor(options: RefusalOptions) {
    this.options = options
  }

  get count(): number {
    return this._count
  }

  /** @returns false: the connection has not become a WebSocket */
  refuse(socket: Duplex): false {
    this._count++
    const message = 'the feed has not told its schema yet: try again later'
    refuseUpgrade(socket, { status: 503, code: 'feed_unknown', message }, this.options)
    return false
  }
}
