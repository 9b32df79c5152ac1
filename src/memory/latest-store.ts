/**
 * The latest ticks of one lane: of each symbol and kind the newest one's bytes, and how many there have been. Shared, so that
 * a lane's successor has them; used by one lane at a time.
 *
 *   header   0         4                                   64
 *            +---------+-----------------------------------+
 *            | used    |                                   |      used: int32, units of 8 bytes that records take
 *            +---------+-----------------------------------+
 *   record   0              8                      8 + 32 + capacity        8 + 2 · (32 + capacity)
 *            +--------------+----------------------+------------------------+
 *            | capacity     | version 0            | version 1              |      capacity: int32, a multiple of 8
 *            +--------------+----------------------+------------------------+
 *   version  0         8         16             24         32
 *            +---------+---------+--------------+----------+-----------+
 *            | offset  | count   | received, µs | length   | tick      |      float64 three times, int32, capacity bytes
 *            +---------+---------+--------------+----------+-----------+
 *
 * Of the two versions a lane writes over the older, so what it committed last stays whole until it has committed the next:
 * a version counts only up to the offset that the lane has committed. An offset of 0 is no version.
 */
import { invariant } from '../common/errors.js'

const HEADER_BYTES = 64
const USED_WORD = 0
const RECORD_HEADER_BYTES = 8
const VERSION_HEADER_BYTES = 32
const UNIT_BYTES = 8
/** A tick of ordinary symbols and prices fits, also when its numbers grow a little. */
const CAPACITY_MIN = 128

export const NO_RECORD = -1
export const NO_VERSION = -1

/** Bytes of shared memory for latest ticks that take `bytes`. */
export function latestStoreBytes(bytes: number): number {
  return HEADER_BYTES + Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES
}

/** Records are named by the index of their first byte. */
export class LatestStore {
  /** The whole memory; `start` is an index into it. */
  readonly bytes: Uint8Array
  private readonly int32: Int32Array
  private readonly float64: Float64Array
  /** Records that held nothing when this lane began, by capacity. */
  private readonly free = new Map<number, number[]>()

  constructor(memory: SharedArrayBuffer) {
    this.bytes = new Uint8Array(memory)
    this.int32 = new Int32Array(memory)
    this.float64 = new Float64Array(memory, 0, memory.byteLength >>> 3)
  }

  /**
   * Goes through the records that an earlier lane left. Versions it had not committed are taken back.
   *
   * @param committedOffset the last offset that the lane has committed
   */
  restore(committedOffset: number, visit: (record: number, version: number) => void): void {
    const end = HEADER_BYTES + this.int32[USED_WORD]! * UNIT_BYTES
    for (let record = HEADER_BYTES; record < end; record += recordBytes(this.capacity(record))) {
      let newest = NO_VERSION
      for (const version of [0, 1]) {
        if (this.offset(record, version) > committedOffset) this.float64[this.words(record, version)] = 0
        const isNewer = newest === NO_VERSION || this.offset(record, version) > this.offset(record, newest)
        if (this.offset(record, version) > 0 && isNewer) newest = version
      }
      if (newest === NO_VERSION) this.release(record)
      else visit(record, newest)
    }
  }

  /** Finds room for ticks of `length` bytes and a little more. @returns NO_RECORD when there is none */
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
    // After the capacity: a successor steps over what is used.
    this.int32[USED_WORD] = used + size / UNIT_BYTES
    return record
  }

  /** Lets another tick have the record's room. Only for one whose ticks no successor may need. */
  release(record: number): void {
    for (const version of [0, 1]) this.float64[this.words(record, version)] = 0
    const capacity = this.capacity(record)
    const free = this.free.get(capacity)
    if (free === undefined) this.free.set(capacity, [record])
    else free.push(record)
  }

  capacity(record: number): number {
    return this.int32[record >>> 2]!
  }

  /** Where the tick's bytes begin. */
  start(record: number, version: number): number {
    return this.versionStart(record, version) + VERSION_HEADER_BYTES
  }

  length(record: number, version: number): number {
    return this.int32[(this.versionStart(record, version) >>> 2) + 6]!
  }

  offset(record: number, version: number): number {
    return this.float64[this.words(record, version)]!
  }

  count(record: number, version: number): number {
    return this.float64[this.words(record, version) + 1]!
  }

  receivedUs(record: number, version: number): number {
    return this.float64[this.words(record, version) + 2]!
  }

  /** Writes a version over. @param offset above every committed one */
  write(
    record: number,
    version: number,
    offset: number,
    count: number,
    receivedUs: number,
    source: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (length > this.capacity(record)) this.refuse(record, length)
    const words = this.words(record, version)
    // First, and above what is committed: a thread that dies below leaves a version that does not count.
    this.float64[words] = offset
    this.float64[words + 1] = count
    this.float64[words + 2] = receivedUs
    this.int32[words * 2 + 6] = length
    const { bytes } = this
    const at = this.start(record, version)
    for (let index = 0; index < length; index++) bytes[at + index] = source[start + index]!
  }

  private refuse(record: number, length: number): never {
    invariant(false, `a tick of ${length} bytes in a record of ${this.capacity(record)}`)
  }

  private versionStart(record: number, version: number): number {
    return record + RECORD_HEADER_BYTES + version * (VERSION_HEADER_BYTES + this.capacity(record))
  }

  /** Index of the version's first float64. */
  private words(record: number, version: number): number {
    return this.versionStart(record, version) >>> 3
  }
}

function recordBytes(capacity: number): number {
  return RECORD_HEADER_BYTES + 2 * (VERSION_HEADER_BYTES + capacity)
}
