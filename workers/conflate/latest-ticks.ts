/**
 * The latest tick of each symbol and kind: for snapshots, and for those who want no others. One lane's own; kept in shared
 * memory at each commit, where a successor finds them.
 * Between two commits a latest tick is only a place in the tick log, which is not written over before the commit.
 */

import type { Encoding } from '../../src/lane-protocol/audience-spec.js'
import { type LatestStore, NO_RECORD, NO_VERSION } from '../../src/memory/latest-store.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import type { Turn } from '../collect/turn-buffer.js'
import type { SymbolEntry, SymbolTable } from '../read/symbol-table.js'

const NO_TURN = -1

export class LatestTick {
  readonly symbol: SymbolEntry
  record: number
  /** Where in the record it was written last. */
  version = NO_VERSION
  /** Whether its bytes are in the tick log; otherwise they are in the store. */
  isInLog = false
  start = 0
  length = 0
  offset = 0
  /** Ticks of the symbol and kind so far. */
  count = 0
  receivedUs = 0
  /** Turn in which it was encoded last, and its index there. */
  readonly encoded: Record<Encoding, { turn: number; offset: number; index: number }> = {
    json: { turn: NO_TURN, offset: 0, index: 0 },
    protobuf: { turn: NO_TURN, offset: 0, index: 0 },
  }

  constructor(symbol: SymbolEntry, record: number) {
    this.symbol = symbol
    this.record = record
  }
}

export class LatestTicks {
  private readonly store: LatestStore
  private readonly logBytes: Uint8Array
  private readonly logReader: TickReader
  private readonly storeReader: TickReader
  /** Those that have changed since the last commit. */
  private readonly changed: LatestTick[] = []
  /** Records that were given up for larger ones since the last commit. */
  private readonly outgrown: number[] = []

  /** @param logBytes the tick log's */
  constructor(store: LatestStore, logBytes: Uint8Array, codec: TickCodec) {
    this.store = store
    this.logBytes = logBytes
    this.logReader = codec.createReader(logBytes)
    this.storeReader = codec.createReader(store.bytes)
  }

  /** Takes over what an earlier lane has committed. */
  restore(symbols: SymbolTable, committedOffset: number): void {
    const { store, storeReader } = this
    store.restore(committedOffset, (record, version) => {
      const start = store.start(record, version)
      const length = store.length(record, version)
      storeReader.decode(start, start + length)
      const symbol = symbols.ofTick(store.bytes, storeReader.symbolStart, storeReader.symbolLength)!
      const found = symbol.latest[storeReader.kind]
      const offset = store.offset(record, version)
      if (found !== undefined && found.offset > offset) {
        store.release(record)
        return
      }
      if (found !== undefined) store.release(found.record)
      const tick = found ?? this.add(symbol, storeReader.kind, record)
      tick.record = record
      tick.version = version
      tick.start = start
      tick.length = length
      tick.offset = offset
      tick.count = store.count(record, version)
      tick.receivedUs = store.receivedUs(record, version)
    })
  }

  /**
   * Keeps the tick at `start` of the log as its symbol's latest.
   *
   * @returns false when there is no room for ticks of the symbol: nobody will get it as a latest one
   */
  keep(
    symbol: SymbolEntry,
    kind: number,
    start: number,
    length: number,
    offset: number,
    receivedUs: number,
  ): boolean {
    const tick = symbol.latest[kind] ?? this.begin(symbol, kind, length)
    if (tick === undefined || tick.record === NO_RECORD) return false
    if (length > this.store.capacity(tick.record) && !this.grow(tick, length)) return false
    if (!tick.isInLog) {
      tick.isInLog = true
      this.changed.push(tick)
    }
    tick.start = start
    tick.length = length
    tick.offset = offset
    tick.count++
    tick.receivedUs = receivedUs
    return true
  }

  /** Encodes the tick into the turn, unless it is there already; there must be room. @returns its index there */
  encode(tick: LatestTick, encoding: Encoding, turn: Turn): number {
    const encoded = tick.encoded[encoding]
    if (encoded.turn === turn.id && encoded.offset === tick.offset) return encoded.index
    const { start, length, offset, receivedUs, symbol } = tick
    if (encoding === 'json') {
      const reader = tick.isInLog ? this.logReader : this.storeReader
      reader.decode(start, start + length)
      encoded.index = turn.addJson(reader, symbol, offset, receivedUs)
    } else {
      const bytes = tick.isInLog ? this.logBytes : this.store.bytes
      encoded.index = turn.addProtobuf(bytes, start, start + length, offset, receivedUs)
    }
    encoded.turn = turn.id
    encoded.offset = offset
    return encoded.index
  }

  /** Writes what has changed into shared memory, where it counts once the lane has committed its offset. */
  write(): void {
    const { changed, logBytes, store } = this
    for (let index = 0; index < changed.length; index++) {
      const tick = changed[index]!
      if (tick.record === NO_RECORD) continue
      const { record, offset, count, receivedUs, start, length } = tick
      const version = tick.version === 0 ? 1 : 0
      store.write(record, version, offset, count, receivedUs, logBytes, start, length)
      tick.version = version
      tick.start = store.start(record, version)
      tick.isInLog = false
    }
    changed.length = 0
  }

  /** To be called when the offset is committed: nobody needs older ticks any more. */
  committed(): void {
    for (let index = 0; index < this.outgrown.length; index++) this.store.release(this.outgrown[index]!)
    this.outgrown.length = 0
  }

  private begin(symbol: SymbolEntry, kind: number, length: number): LatestTick | undefined {
    // Of a symbol that is not kept every tick makes a new entry.
    return symbol.seen ? this.add(symbol, kind, this.store.allocate(length)) : undefined
  }

  private add(symbol: SymbolEntry, kind: number, record: number): LatestTick {
    const tick = new LatestTick(symbol, record)
    symbol.latest[kind] = tick
    return tick
  }

  /** @returns false when there is no room; the tick's symbol and kind are then kept no more */
  private grow(tick: LatestTick, length: number): boolean {
    const record = this.store.allocate(length)
    if (record === NO_RECORD) {
      this.giveUp(tick)
      return false
    }
    this.outgrown.push(tick.record)
    tick.record = record
    tick.version = NO_VERSION
    return true
  }

  private giveUp(tick: LatestTick): void {
    // At once: should this lane die, the newer tick is read again, and nothing older may come after it.
    this.store.release(tick.record)
    tick.record = NO_RECORD
    // Nothing is sent of what is not above the offset last sent.
    tick.offset = 0
    // Those that wait stay counted, and no successor misses the others.
    for (const part of tick.symbol.parts) part.ticksTotal -= tick.count
    tick.count = 0
  }
}
