import { afterEach, describe, expect, it, vi } from 'vitest'
import { type CommitPoint, CommittedState } from '../../src/memory/committed-state.js'
import { CONTROL_BYTES } from '../../src/memory/control-words.js'
import { COMMITTED_STATE_BYTES } from '../../src/memory/lane-layout.js'

const FIRST: CommitPoint = {
  cursor: 2 ** 31 - 1,
  serial: 2 ** 40 + 3,
  offset: 2 ** 53 - 1,
  epoch: 0,
}
const SECOND: CommitPoint = {
  cursor: -(2 ** 31),
  serial: 2 ** 40 + 9,
  offset: 17,
  epoch: 2 ** 33,
}

const memory = () => new SharedArrayBuffer(CONTROL_BYTES + COMMITTED_STATE_BYTES)

afterEach(() => vi.restoreAllMocks())

describe('the committed state of a lane', () => {
  it('begins with nothing read', () => {
    const state = new CommittedState(memory())
    expect(state.committed()).toEqual({ cursor: 0, serial: 0, offset: 0, epoch: 0 })
    expect([state.cursor(), state.serialLow()]).toEqual([0, 0])
  })

  it('gives a successor the point that was committed last', () => {
    const shared = memory()
    for (const committed of [FIRST, SECOND, FIRST, FIRST, SECOND]) {
      new CommittedState(shared).commit(committed)
      const next = new CommittedState(shared)
      expect(next.committed()).toMatchObject(committed)
      expect(next.cursor()).toBe(committed.cursor)
      expect(next.serialLow()).toBe(committed.serial | 0)
    }
  })

  it('keeps the older point when the lane dies while it writes a new one', () => {
    for (const field of Object.keys(SECOND)) {
      const state = new CommittedState(memory())
      state.commit(FIRST)
      const deadly = Object.defineProperty({ ...SECOND }, field, {
        get() {
          throw new Error('dead')
        },
      })
      expect(() => state.commit(deadly)).toThrow('dead')
      expect(state.committed()).toEqual(FIRST)
      expect(state.cursor()).toBe(FIRST.cursor)
    }
  })

  it('is the older or the newer point, at whatever store of a commit the lane dies', () => {
    const store = Atomics.store as unknown as (...args: number[]) => number
    for (let survived = 0; ; survived++) {
      vi.restoreAllMocks()
      const state = new CommittedState(memory())
      state.commit(FIRST)
      let stores = 0
      vi.spyOn(Atomics, 'store').mockImplementation(((...args: number[]) => {
        if (stores++ === survived) throw new Error('dead')
        return store(...args)
      }) as never)
      let isDead = false
      try {
        state.commit(SECOND)
      } catch {
        isDead = true
      }
      if (!isDead) break
      const { cursor } = state.committed()
      expect(state.committed()).toMatchObject(cursor === FIRST.cursor ? FIRST : SECOND)
      // Bytes that the successor will read are not written over before.
      if (cursor === FIRST.cursor) expect(state.cursor()).toBe(FIRST.cursor)
      expect(survived).toBeLessThan(9)
    }
    expect(new CommittedState(memory()).cursor()).toBe(0)
  })
})
