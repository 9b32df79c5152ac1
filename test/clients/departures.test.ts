import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { Departures } from '../../src/clients/departures.js'
import { Random } from '../../src/common/random.js'
import { FakeClock } from '../support/fake-clock.js'

function depart(count: number, durationMs: number) {
  const clock = new FakeClock()
  const random = new Random(5)
  const startMs = clock.nowMs()
  const leftMs: number[] = []
  const left: Client[] = []
  const clients = Array.from({ length: count }, () => ({}) as Client)
  let isOver = false
  const departures = new Departures(
    clients,
    durationMs,
    () => {
      isOver = true
    },
    {
      clock,
      random: () => random.next(),
      leave: client => {
        left.push(client)
        leftMs.push(clock.nowMs() - startMs)
      },
    },
  )
  return { clock, clients, left, leftMs, departures, isOver: () => isOver }
}

describe('departures', () => {
  it('are spread evenly, each at a random moment of its share', () => {
    const { clock, clients, isOver, left, leftMs } = depart(100, 10_000)
    for (let ms = 0; ms < 10_000; ms++) clock.advance(1)
    expect(left).toEqual(clients)
    for (const [index, ms] of leftMs.entries()) {
      expect(ms).toBeGreaterThanOrEqual(index * 100)
      expect(ms).toBeLessThanOrEqual((index + 1) * 100 + 1)
    }
    const gaps = leftMs.slice(1).map((ms, index) => ms - leftMs[index]!)
    expect(new Set(gaps).size).toBeGreaterThan(50)
    expect(isOver()).toBe(true)
  })

  it('catch up after a pause of the thread, and end in time', () => {
    const { clock, isOver, left } = depart(1000, 10_000)
    clock.advance(5000)
    expect(left.length).toBeGreaterThanOrEqual(499)
    expect(left.length).toBeLessThanOrEqual(501)
    clock.advance(5010)
    expect(left).toHaveLength(1000)
    expect(isOver()).toBe(true)
  })

  it('end when they are stopped', () => {
    const { clock, departures, isOver, left } = depart(10, 1000)
    departures.stop()
    clock.advance(2000)
    expect([left.length, isOver()]).toEqual([0, false])
  })

  it('are over at once without clients', () => {
    expect(depart(0, 1000).isOver()).toBe(true)
  })
})
