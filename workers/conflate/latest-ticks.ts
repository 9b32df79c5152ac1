/**
 * The latest tick of each symbol and kind, for snapshots and conflation groups. One lane's own.
 * Each commit writes the changed ones into shared memory, where a successor finds them. Until then a latest tick lies
 * in the tick log, and the writer overwrites nothing there before the commit.
 */

import { type LatestStore, NO_RECORD, NO_VERSION } from '../../src/memory/latest-store.js'
import type { Encoding } from '../../src/protocol/encoding.js'
import { type TickCodec, type TickReader, UNNUMBERED_KIND } from '../../src/ticks/tick-codec.js'
import { type TurnBuffer, writeJsonTick } from '../collect/turn-buffer.js'
import type { SymbolTable } from '../read/symbol-table.js'
import type { LaneSymbol } from './lane-symbol.js'
import { LatestTick } from './latest-tick.js'

/** Messages with latest ticks have the offset up to which they are the latest, not those of the ticks. */
const NO_OFFSET = 0

export class LatestTicks {
  /** All latest ticks, in the order in which their symbols and kinds came. */
  readonly created: LatestTick[] = []
  private readonly store: LatestStore
  private readonly logBytes: Uint8Array
  private readonly logReader: TickReader
  private readonly storeReader: TickReader
  private readonly binaryNeedsDecode: boolean
  /** The ticks that have changed since the last commit. */
  private readonly changed: LatestTick[] = []
  /** Records that larger ones have replaced since the last commit. */
  private readonly outgrown: number[] = []

  /** @param logBytes the bytes of the tick log */
  constructor(store: LatestStore, logBytes: Uint8Array, codec: TickCodec) {
    this.store = store
    this.logBytes = logBytes
    this.logReader = codec.createReader(logBytes)
    this.storeReader = codec.createReader(store.bytes)
    this.binaryNeedsDecode = codec.binaryNeedsDecode
  }

  /** Takes over the ticks that an earlier lane has committed. */
  restore(symbols: SymbolTable<LaneSymbol>, committedSerial: number): void {
    const { store, storeReader } = this
    store.restore(committedSerial, (record, version) => {
      const start = store.start(record, version)
      const length = store.length(record, version)
      storeReader.decode(start, start + length)
      const symbol = symbols.ofTick(store.bytes, storeReader.symbolStart, storeReader.symbolLength)!
      const found = symbol.latest[storeReader.kind]
      const serial = store.serial(record, version)
      if (found !== undefined && found.serial > serial) {
        store.release(record)
        return
      }
      if (found !== undefined) store.release(found.record)
      const tick = found ?? this.add(symbol, storeReader.kind, record)
      tick.record = record
      tick.version = version
      tick.start = start
      tick.length = length
      tick.serial = serial
      tick.count = store.count(record, version)
      tick.receivedUs = store.receivedUs(record, version)
    })
  }

  /**
   * Keeps the tick at `start` of the log as the latest of its symbol and kind.
   *
   * @returns false when the store has no room for ticks of the symbol: the tick cannot be conflated
   */
  keep(
    symbol: LaneSymbol,
    kind: number,
    start: number,
    length: number,
    serial: number,
    receivedUs: number,
  ): boolean {
    const tick = symbol.latest[kind] ?? this.begin(symbol, kind, length)
    if (tick === undefined || tick.record === NO_RECORD) return this.lacks(symbol)
    if (length > this.store.capacity(tick.record) && !this.grow(symbol, tick, length))
      return this.lacks(symbol)
    if (!tick.isInLog) {
      tick.isInLog = true
      this.changed.push(tick)
    }
    tick.start = start
    tick.length = length
    tick.serial = serial
    tick.count++
    tick.receivedUs = receivedUs
    return true
  }

  /** Encodes a tick into the turn, unless it stands there already. There must be room. @returns its index there */
  encode(tick: LatestTick, encoding: Encoding, turn: TurnBuffer): number {
    const encoded = tick.encoded[encoding]
    if (encoded.turn === turn.id && encoded.serial === tick.serial) return encoded.index
    const { start, length, serial, receivedUs, symbol } = tick
    const reader = this.readerAt(tick, encoding)
    encoded.index =
      encoding === 'json'
        ? turn.addJson(reader, symbol, NO_OFFSET, receivedUs)
        : turn.addProtobuf(reader, start, start + length, NO_OFFSET, receivedUs)
    encoded.turn = turn.id
    encoded.serial = serial
    return encoded.index
  }

  /** Encodes a tick at `target[at]`, with the separator behind it. @returns where it ends */
  encodeAt(tick: LatestTick, encoding: Encoding, target: Uint8Array, at: number): number {
    const { length, start, symbol } = tick
    const reader = this.readerAt(tick, encoding)
    return encoding === 'json'
      ? writeJsonTick(target, at, reader, symbol)
      : reader.writeBinary(target, at, start, start + length)
  }

  /** Writes the changed ticks into shared memory. They hold there once the lane has committed its serial number. */
  write(): void {
    const { changed, logBytes, store } = this
    for (let index = 0; index < changed.length; index++) {
      const tick = changed[index]!
      if (tick.record === NO_RECORD) continue
      const { record, serial, count, receivedUs, start, length } = tick
      const version = tick.version === 0 ? 1 : 0
      store.write(record, version, serial, count, receivedUs, logBytes, start, length)
      tick.version = version
      tick.start = store.start(record, version)
      tick.isInLog = false
    }
    changed.length = 0
  }

  /** Call it when the serial is committed: no successor needs the older ticks any more. */
  committed(): void {
    for (let index = 0; index < this.outgrown.length; index++) this.store.release(this.outgrown[index]!)
    this.outgrown.length = 0
  }

  private lacks(symbol: LaneSymbol): false {
    symbol.lacksLatest = true
    return false
  }

  /** A reader that has decoded the tick, as far as the encoding needs it. */
  private readerAt({ isInLog, length, start }: LatestTick, encoding: Encoding): TickReader {
    const reader = isInLog ? this.logReader : this.storeReader
    if (encoding === 'json' || this.binaryNeedsDecode) reader.decode(start, start + length)
    return reader
  }

  private begin(symbol: LaneSymbol, kind: number, length: number): LatestTick | undefined {
    // For a symbol that the table does not keep, each tick gets a new LaneSymbol.
    const isConflated = symbol.isKept && kind !== UNNUMBERED_KIND
    return isConflated ? this.add(symbol, kind, this.store.allocate(length)) : undefined
  }

  private add(symbol: LaneSymbol, kind: number, record: number): LatestTick {
    const tick = new LatestTick(symbol, record)
    symbol.latest[kind] = tick
    this.created.push(tick)
    return tick
  }

  /** Moves a tick to a larger record. @returns false when there is no room: the symbol and kind are then given up */
  private grow(symbol: LaneSymbol, tick: LatestTick, length: number): boolean {
    const record = this.store.allocate(length)
    if (record === NO_RECORD) {
      this.giveUp(symbol, tick)
      return false
    }
    this.outgrown.push(tick.record)
    tick.record = record
    tick.version = NO_VERSION
    return true
  }

  private giveUp(symbol: LaneSymbol, tick: LatestTick): void {
    // Released at once: should this lane die, its successor reads the newer tick again, and no older one may follow it.
    this.store.release(tick.record)
    tick.record = NO_RECORD
    // A serial of 0 is never above the serial last flushed, so the tick is not sent.
    tick.serial = 0
    // Ticks that were not sent stay counted, and a successor does not miss the others.
    for (const group of symbol.groups) group.ticksTotal -= tick.count
    tick.count = 0
  }
}
