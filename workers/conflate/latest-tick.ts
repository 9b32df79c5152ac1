/**
 * The latest tick of one symbol and kind: where its bytes lie, and what is known of it. One lane's own.
 */

import { NO_VERSION } from '../../src/memory/latest-store.js'
import type { Encoding } from '../../src/protocol/encoding.js'
import type { KnownSymbol } from '../read/symbol-table.js'

const NO_TURN = -1

/** Where a tick stands in EncodedLatest. */
export class EncodedPlace {
  /** Serial number of the tick that stands there. */
  serial = 0
  /** Grows, and wraps at the ring's size. */
  position = 0
  /** Bytes, the separator behind the tick included. */
  length = 0
}

export class LatestTick {
  readonly symbol: KnownSymbol
  record: number
  /** The version of the record that was written last. */
  version = NO_VERSION
  /** Whether its bytes lie in the tick log; otherwise they lie in the store. */
  isInLog = false
  start = 0
  length = 0
  serial = 0
  /** Ticks of the symbol and kind so far. */
  count = 0
  receivedUs = 0
  /** For each encoding: the turn in which it was encoded last, its serial then, and its index there. */
  readonly encoded: Record<Encoding, { turn: number; serial: number; index: number }> = {
    json: { turn: NO_TURN, serial: 0, index: 0 },
    protobuf: { turn: NO_TURN, serial: 0, index: 0 },
  }

  // Only ticks of snapshots have them.
  private jsonPlace: EncodedPlace | undefined = undefined
  private protobufPlace: EncodedPlace | undefined = undefined

  constructor(symbol: KnownSymbol, record: number) {
    this.symbol = symbol
    this.record = record
  }

  /** Where it stands in EncodedLatest. */
  placeOf(encoding: Encoding): EncodedPlace {
    if (encoding === 'json') {
      this.jsonPlace ??= new EncodedPlace()
      return this.jsonPlace
    }
    this.protobufPlace ??= new EncodedPlace()
    return this.protobufPlace
  }
}
