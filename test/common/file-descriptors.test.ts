import { closeSync, openSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { connectionBounds, descriptorLimit, openDescriptors } from '../../src/common/file-descriptors.js'

/** Needs 20 + 5 × 4 + 32 + 48 = 120 itself. */
const demand = { maxClients: 1000, pendingMax: 1000, lanes: 2, otherConnections: 32, openBefore: 20 }

describe('connectionBounds', () => {
  it.each([
    [Number.POSITIVE_INFINITY, 1000, 1000],
    [2120, 1000, 1000],
    [2119, 1000, 999],
    // Four fifths for clients.
    [1120, 800, 200],
    [160, 32, 8],
    [121, 1, 1],
    [10, 1, 1],
  ])(
    'with a limit of %d leaves room for %d clients and %d pending connections',
    (limit, clients, pending) => {
      expect(connectionBounds({ ...demand, limit })).toEqual({
        maxClients: clients,
        pendingMax: pending,
        needed: 2120,
      })
    },
  )

  it('gives pending connections what few clients leave', () => {
    expect(connectionBounds({ ...demand, maxClients: 100, limit: 1120 })).toEqual({
      maxClients: 100,
      pendingMax: 900,
      needed: 1220,
    })
  })

  it('never lets both together take more than there is room for', () => {
    for (let limit = 122; limit < 2200; limit++) {
      const { maxClients, pendingMax } = connectionBounds({ ...demand, limit })
      expect(maxClients + pendingMax).toBeLessThanOrEqual(limit - 120)
    }
  })
})

it('counts the open file descriptors, of which there may be more', () => {
  const before = openDescriptors()
  const file = openSync('/dev/null', 'r')
  expect(openDescriptors()).toBe(before + 1)
  closeSync(file)
  expect(descriptorLimit()).toBeGreaterThan(before)
})
