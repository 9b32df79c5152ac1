import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/config.js'
import { LatestStore, latestStoreBytes, NO_RECORD, NO_VERSION } from '../../src/memory/latest-store.js'
import { SYMBOLS_MAX } from '../../workers/read/symbol-table.js'

/** What a record of ticks up to 128 bytes takes. */
const SMALL_RECORD_BYTES = 8 + 2 * (32 + 128)
const SOURCE = Uint8Array.from({ length: 4096 }, (_, index) => index % 251)

/** A version as a lane would find it. */
function read(store: LatestStore, record: number, version: number) {
  const start = store.start(record, version)
  const length = store.length(record, version)
  return {
    offset: store.serial(record, version),
    count: store.count(record, version),
    receivedUs: store.receivedUs(record, version),
    bytes: [...store.bytes.subarray(start, start + length)],
  }
}

function write(store: LatestStore, record: number, version: number, offset: number, length = 10): void {
  store.write(record, version, offset, offset * 2, offset * 3, SOURCE, offset % 1000, length)
}

const written = (offset: number, length = 10) => ({
  offset,
  count: offset * 2,
  receivedUs: offset * 3,
  bytes: [...SOURCE.subarray(offset % 1000, (offset % 1000) + length)],
})

/** What a successor finds. */
function restored(memory: SharedArrayBuffer, committedOffset: number) {
  const store = new LatestStore(memory)
  const found: [record: number, version: number][] = []
  store.restore(committedOffset, (record, version) => found.push([record, version]))
  return { store, found }
}

const memoryFor = (bytes: number) => new SharedArrayBuffer(latestStoreBytes(bytes))

describe('a latest store', () => {
  it('has room for both versions of as many records as its bytes allow', () => {
    const store = new LatestStore(memoryFor(3 * SMALL_RECORD_BYTES))
    const records = [1, 128, 100].map(length => store.allocate(length))
    expect(new Set(records).size).toBe(3)
    expect(store.allocate(1)).toBe(NO_RECORD)
    for (const [index, record] of records.entries())
      for (const version of [0, 1]) write(store, record, version, 1 + 2 * index + version, 128)
    for (const [index, record] of records.entries())
      for (const version of [0, 1])
        expect(read(store, record, version)).toEqual(written(1 + 2 * index + version, 128))
  })

  it('lets a tick grow up to the next power of two, and refuses a longer tick', () => {
    const store = new LatestStore(memoryFor(1 << 16))
    expect([1, 128, 129, 256, 257, 1024].map(length => store.capacity(store.allocate(length)))).toEqual([
      128, 128, 256, 256, 512, 1024,
    ])
    const record = store.allocate(130)
    write(store, record, 0, 1, 256)
    expect(() => write(store, record, 1, 2, 257)).toThrow('a tick of 257 bytes in a record of 256')
  })

  it('may have no room for a large tick while it has room for a small one', () => {
    const store = new LatestStore(memoryFor(2 * SMALL_RECORD_BYTES))
    store.allocate(1)
    expect(store.allocate(1024)).toBe(NO_RECORD)
    expect(store.allocate(1)).not.toBe(NO_RECORD)
  })

  it('reuses a released record for a tick of its capacity, without the old versions', () => {
    const store = new LatestStore(memoryFor(2 * SMALL_RECORD_BYTES))
    const first = store.allocate(10)
    const second = store.allocate(10)
    write(store, first, 0, 1)
    write(store, first, 1, 2)
    store.release(first)
    expect([store.allocate(10), store.allocate(10)]).toEqual([first, NO_RECORD])
    expect([0, 1].map(version => store.serial(first, version))).toEqual([0, 0])
    store.release(second)
    expect(store.allocate(200)).toBe(NO_RECORD)
  })
})

describe('a successor', () => {
  it('finds the newest committed version of each record, whichever of the two it is', () => {
    const memory = memoryFor(1 << 12)
    const before = new LatestStore(memory)
    const [a, b, c] = [10, 10, 10].map(length => before.allocate(length)) as [number, number, number]
    write(before, a, 0, 1)
    write(before, b, 0, 2)
    write(before, b, 1, 5)
    write(before, c, 0, 7)
    write(before, c, 1, 4)
    const { store, found } = restored(memory, 7)
    expect(found).toEqual([
      [a, 0],
      [b, 1],
      [c, 0],
    ])
    expect(read(store, b, 1)).toEqual(written(5))
  })

  it('erases versions that were not committed, for good', () => {
    const memory = memoryFor(1 << 12)
    const before = new LatestStore(memory)
    const [a, b] = [10, 10].map(length => before.allocate(length)) as [number, number]
    write(before, a, 0, 3)
    write(before, a, 1, 8)
    write(before, b, 0, 9)
    const { store, found } = restored(memory, 7)
    expect(found).toEqual([[a, 0]])
    expect(read(store, a, 0)).toEqual(written(3))
    // It holds nothing that a tick could be taken for, whatever is committed later.
    expect(store.allocate(10)).toBe(b)
    expect(restored(memory, 100).found).toEqual([[a, 0]])
  })

  it('has as much room as the lane before it', () => {
    const memory = memoryFor(4 * SMALL_RECORD_BYTES)
    const before = new LatestStore(memory)
    const records = [1, 2, 3, 4].map(length => before.allocate(length))
    write(before, records[0]!, 0, 1)
    write(before, records[1]!, 0, 2)
    before.release(records[1]!)
    const { store } = restored(memory, 1)
    expect(new Set([1, 2, 3].map(() => store.allocate(1)))).toEqual(new Set(records.slice(1)))
    expect(store.allocate(1)).toBe(NO_RECORD)
  })

  it('finds no record in a fresh store', () => {
    expect(restored(memoryFor(1 << 12), 0).found).toEqual([])
  })
})

/** Dies at a write of so manieth of its words or bytes. */
class Dying extends Error {}

/** Memory that counts what is written to it and lets its writer die before a write. */
function mortal(store: LatestStore, writesLeft: number): void {
  let left = writesLeft
  for (const name of ['int32', 'float64', 'bytes'] as const) {
    const view = store[name as 'bytes']
    const watched = new Proxy(view, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
      set: (target, key, value) => {
        if (left-- === 0) throw new Dying()
        return Reflect.set(target, key, value)
      },
    })
    Object.defineProperty(store, name, { value: watched })
  }
}

describe('whatever a lane does and wherever it dies', () => {
  type Deed =
    | { readonly op: 'keep'; readonly symbol: number; readonly length: number }
    | { readonly op: 'commit' }
  const deed: fc.Arbitrary<Deed> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constant('keep' as const),
        symbol: fc.nat(5),
        length: fc.oneof(fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 1024 })),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ op: 'commit' as const }) },
  )

  interface Kept {
    record: number
    version: number
    offset: number
    length: number
  }

  /** Does what a lane does with its store: the newer version beside the committed one, outgrown records freed after a commit. */
  class Keeper {
    readonly kept = new Map<number, Kept>()
    private readonly outgrown: number[] = []
    private readonly changed = new Map<number, { offset: number; length: number }>()

    constructor(
      private readonly store: LatestStore,
      /** What a successor has to find: by symbol, offset and length. */
      public committed: Map<number, { offset: number; length: number }>,
      public committedOffset: number,
      public offset: number,
    ) {}

    do(deed: Deed): void {
      if (deed.op === 'keep') this.changed.set(deed.symbol, { offset: ++this.offset, length: deed.length })
      else this.commit()
    }

    private commit(): void {
      const next = new Map(this.committed)
      for (const [symbol, { offset, length }] of this.changed) {
        const kept = this.kept.get(symbol) ?? { record: NO_RECORD, version: NO_VERSION, offset: 0, length: 0 }
        if (kept.record === NO_RECORD || length > this.store.capacity(kept.record)) {
          const record = this.store.allocate(length)
          if (record === NO_RECORD) continue
          if (kept.record !== NO_RECORD) this.outgrown.push(kept.record)
          kept.record = record
          kept.version = NO_VERSION
        }
        const version = kept.version === 0 ? 1 : 0
        // Its first byte names the symbol, for the successor.
        const source = Uint8Array.from({ length }, (_, index) =>
          index === 0 ? symbol : (offset + index) & 0xff,
        )
        this.store.write(kept.record, version, offset, offset, symbol, source, 0, length)
        Object.assign(kept, { version, offset, length })
        this.kept.set(symbol, kept)
        next.set(symbol, { offset, length })
      }
      this.changed.clear()
      // The commit itself: one store, whole or not at all.
      this.committed = next
      this.committedOffset = this.offset
      for (const record of this.outgrown.splice(0)) this.store.release(record)
    }
  }

  /** Takes over, checks what is there, and goes on. */
  function succeed(memory: SharedArrayBuffer, before: Keeper): { store: LatestStore; keeper: Keeper } {
    const store = new LatestStore(memory)
    const keeper = new Keeper(store, before.committed, before.committedOffset, before.committedOffset)
    store.restore(before.committedOffset, (record, version) => {
      const { bytes, count, offset, receivedUs } = read(store, record, version)
      const symbol = receivedUs
      expect(bytes).toEqual(bytes.map((_, index) => (index === 0 ? symbol : (offset + index) & 0xff)))
      expect(count).toBe(offset)
      const found = keeper.kept.get(symbol)
      if (found !== undefined && found.offset > offset) store.release(record)
      else {
        if (found !== undefined) store.release(found.record)
        keeper.kept.set(symbol, { record, version, offset, length: bytes.length })
      }
    })
    const found = [...keeper.kept].map(
      ([symbol, { offset, length }]) => [symbol, { offset, length }] as const,
    )
    expect(new Map(found)).toEqual(before.committed)
    return { store, keeper }
  }

  function dieTakingOver(memory: SharedArrayBuffer, { committedOffset }: Keeper, death: number): void {
    const store = new LatestStore(memory)
    mortal(store, death)
    try {
      store.restore(committedOffset, () => {})
    } catch (error) {
      if (!(error instanceof Dying)) throw error
    }
  }

  it('its successor finds exactly the committed ticks', () => {
    fc.assert(
      fc.property(
        fc.array(deed, { minLength: 1, maxLength: 60 }),
        fc.array(fc.oneof(fc.nat(30), fc.nat(3000)), { maxLength: 8 }),
        fc.constantFrom(1 << 11, 1 << 14),
        (deeds, deaths, bytes) => {
          const memory = memoryFor(bytes)
          let keeper = new Keeper(new LatestStore(memory), new Map(), 0, 0)
          for (const death of [...deaths, Infinity]) {
            dieTakingOver(memory, keeper, death % 5)
            const next = succeed(memory, keeper)
            keeper = next.keeper
            mortal(next.store, death)
            try {
              for (const each of deeds) keeper.do(each)
            } catch (error) {
              if (!(error instanceof Dying)) throw error
            }
          }
          succeed(memory, keeper)
        },
      ),
      { numRuns: 400 },
    )
  })
})

it('has room, by default, for two kinds of each symbol that a lane remembers', () => {
  const parsed = parseConfig({ env: {}, argv: [], availableParallelism: 2 })
  if (!('config' in parsed)) throw new Error('the defaults are no config')
  const store = new LatestStore(memoryFor(parsed.config.latestBytes))
  for (let record = 0; record < 2 * SYMBOLS_MAX; record++)
    if (store.allocate(128) === NO_RECORD) throw new Error(`no room after ${record} records`)
})
