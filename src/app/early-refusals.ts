/**
 * Refuses clients that come before the gateway knows the schema of its feed. Main thread.
 * Why they cannot be let in: docs/decisions/0076-how-a-schema-is-loaded.md.
 */
import type { Duplex } from 'node:stream'
import { addressOf } from '../clients/client-address.js'
import { ClientLog } from '../clients/client-log.js'
import type { Refusal } from '../clients/refusal.js'
import { type RefusalOptions, refuseUpgrade } from '../clients/upgrade-refusal.js'
import type { Log } from '../common/log.js'
import { peerAddressOf } from '../common/peer-address.js'

const FEED_UNKNOWN: Refusal = {
  status: 503,
  code: 'feed_unknown',
  message: 'the feed has not told its schema yet: try again later',
}

export class EarlyRefusals {
  private readonly options: RefusalOptions
  private readonly clientLog: ClientLog
  private _count = 0

  constructor(options: RefusalOptions, log: Log) {
    this.options = options
    this.clientLog = new ClientLog({ clock: options.clock, log })
  }

  get count(): number {
    return this._count
  }

  /** @returns false: the connection has not become a WebSocket */
  refuse(socket: Duplex): false {
    this._count++
    this.clientLog.refused(FEED_UNKNOWN, addressOf(peerAddressOf(socket)))
    refuseUpgrade(socket, FEED_UNKNOWN, this.options)
    return false
  }

  /** Logs what was left out so far. */
  stop(): void {
    this.clientLog.stop()
  }
}
