/**
 * The bytes of the latest tick of each symbol and kind of one lane, and the count of such ticks. One lane uses it at a
 * time; a successor finds in it what the lane committed. A record holds one symbol and kind; an empty record holds
 * none.
 *
 *   header    0         4                                   64
 *             +---------+-----------------------------------+
 *             | used    | unused                            |      used: int32, units of 8 bytes that records take
 *             +---------+-----------------------------------+
 *   record    0              8                      40 + capacity            72 + 2 · capacity
 *             +--------------+----------------------+------------------------+
 *             | capacity     | version 0            | version 1              |      capacity: int32, a multiple of 8
 *             +--------------+----------------------+------------------------+
 *   version   0         8         16             24         32             32 + capacity
 *             +---------+---------+--------------+----------+--------------+
 *             | serial  | count   | received, µs | length   | tick         |      float64 three times, int32, bytes
 *             +---------+---------+--------------+----------+--------------+
 *
 * A version counts if its serial is above 0 and not above the serial that the lane has committed. The lane overwrites
 * the older version, so the version of its last commit stays whole until its next commit.
 */
import { invariant } from '../common/errors.js'

const HEADER_BYTES = 64
const USED_WORD = 0
const RECORD_HEADER_BYTES = 8
const VERSION_HEADER_BYTES = 32
const UNIT_BYTES = 8
/** An ordinary tick fits, also when its numbers become longer. */
const CAPACITY_MIN = 128

export const NO_RECORD = -1
export const NO_VERSION = -1

/** Bytes of shared memory for a store whose records take `bytes`. */
export function latestStoreBytes(bytes: number): number {
  return HEADER_BYTES + Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES
}

/** A record is named by its offset in bytes, a version by its index: 0 or 1. */
export class LatestStore {
  /** The whole memory; `start` returns an offset in it. */
  readonly bytes: Uint8Array
  private readonly int32: Int32Array
  private readonly float64: Float64Array
  /** Empty records, by capacity. */
  private readonly free = new Map<number, number[]>()

  constructor(memory: SharedArrayBuffer) {
    this.bytes = new Uint8Array(memory)
    this.int32 = new Int32Array(memory)
    this.float64 = new Float64Array(memory, 0, memory.byteLength >>> 3)
  }

  /**
   * Visits each record that an earlier lane left with a committed version, and makes the other records empty.
   * Versions that were not committed are erased.
   *
   * @param committedSerial the serial number that the earlier lane committed last
   * @param visit gets the record and its newest version
   */
  restore(committedSerial: number, visit: (record: number, version: number) => void): void {
    const end = HEADER_BYTES + this.int32[USED_WORD]! * UNIT_BYTES
    for (let record = HEADER_BYTES; record < end; record += recordBytes(this.capacity(record))) {
      let newest = NO_VERSION
      for (const version of [0, 1]) {
        if (this.serial(record, version) > committedSerial)
          this.float64[this.firstFloat64(record, version)] = 0
        const isNewer = newest === NO_VERSION || this.serial(record, version) > this.serial(record, newest)
        if (this.serial(record, version) > 0 && isNewer) newest = version
      }
      if (newest === NO_VERSION) this.release(record)
      else visit(record, newest)
    }
  }

  /** Finds an empty record for ticks of `length` bytes. @returns NO_RECORD when there is no room */
  allocate(length: number): number {
    let capacity = CAPACITY_MIN
    while (capacity < length) capacity *= 2
    const free = this.free.get(capacity)?.pop()
    if (free !== undefined) return free
    const used = this.int32[USED_WORD]!
    const record = HEADER_BYTES + used * UNIT_BYTES
    const size = recordBytes(capacity)
    if (record + size > this.bytes.length) return NO_RECORD
    this.int32[record >>> 2] = capacity
    // After the capacity, by which a successor steps from record to record.
    this.int32[USED_WORD] = used + size / UNIT_BYTES
    return record
  }

  /** Makes a record empty. No successor may need its ticks. */
  release(record: number): void {
    for (const version of [0, 1]) this.float64[this.firstFloat64(record, version)] = 0
    const capacity = this.capacity(record)
    const free = this.free.get(capacity)
    if (free === undefined) this.free.set(capacity, [record])
    else free.push(record)
  }

  capacity(record: number): number {
    return this.int32[record >>> 2]!
  }

  /** Offset in bytes of the tick. */
  start(record: number, version: number): number {
    return this.versionStart(record, version) + VERSION_HEADER_BYTES
  }

  /** Bytes of the tick. */
  length(record: number, version: number): number {
    return this.int32[(this.versionStart(record, version) >>> 2) + 6]!
  }

  /** The tick's serial number; 0: the version holds no tick. */
  serial(record: number, version: number): number {
    return this.float64[this.firstFloat64(record, version)]!
  }

  /** Ticks of the symbol and kind up to this one. */
  count(record: number, version: number): number {
    return this.float64[this.firstFloat64(record, version) + 1]!
  }

  receivedUs(record: number, version: number): number {
    return this.float64[this.firstFloat64(record, version) + 2]!
  }

  /** Overwrites a version with the tick `source[start, start + length)`. @param serial above the committed one */
  write(
    record: number,
    version: number,
    serial: number,
    count: number,
    receivedUs: number,
    source: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (length > this.capacity(record)) this.refuse(record, length)
    const index = this.firstFloat64(record, version)
    // First, and above the committed one: if the thread dies below, the version does not count.
    this.float64[index] = serial
    this.float64[index + 1] = count
    this.float64[index + 2] = receivedUs
    this.int32[index * 2 + 6] = length
    const { bytes } = this
    const target = this.start(record, version)
    for (let byte = 0; byte < length; byte++) bytes[target + byte] = source[start + byte]!
  }

  private refuse(record: number, length: number): never {
    invariant(false, `a tick of ${length} bytes in a record of ${this.capacity(record)}`)
  }

  /** Offset in bytes of the version. */
  private versionStart(record: number, version: number): number {
    return record + RECORD_HEADER_BYTES + version * (VERSION_HEADER_BYTES + this.capacity(record))
  }

  /** Index of the version's first float64. */
  private firstFloat64(record: number, version: number): number {
    return this.versionStart(record, version) >>> 3
  }
}

function recordBytes(capacity: number): number {
  return RECORD_HEADER_BYTES + 2 * (VERSION_HEADER_BYTES + capacity)
}
