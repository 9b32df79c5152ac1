import { beforeEach, describe, expect, it } from 'vitest'
import { HangWatch } from '../../src/lanes/hang-watch.js'

let watch: HangWatch

beforeEach(() => {
  watch = new HangWatch(100)
  watch.startOver(1000)
})

describe('a lane hangs', () => {
  it('when it has work and its heartbeat stands still for the timeout', () => {
    expect(watch.isHanging(true, 5, 1050)).toBe(false)
    expect(watch.isHanging(true, 5, 1149)).toBe(false)
    expect(watch.isHanging(true, 5, 1150)).toBe(true)
  })

  it('when it has not even begun for the timeout', () => {
    expect(watch.isHanging(true, 0, 1099)).toBe(false)
    expect(watch.isHanging(true, 0, 1100)).toBe(true)
  })

  it('not while its heartbeat changes', () => {
    for (let beat = 1; beat <= 10; beat++) expect(watch.isHanging(true, beat, 1000 + 90 * beat)).toBe(false)
  })

  it('not while it has no work, and the rest does not count', () => {
    expect(watch.isHanging(false, 0, 1500)).toBe(false)
    expect(watch.isHanging(true, 0, 1599)).toBe(false)
    expect(watch.isHanging(true, 0, 1600)).toBe(true)
  })

  it('not before the timeout is over again when its time begins anew', () => {
    expect(watch.isHanging(true, 0, 1100)).toBe(true)
    watch.startOver(1100)
    expect(watch.isHanging(true, 0, 1199)).toBe(false)
    expect(watch.isHanging(true, 0, 1200)).toBe(true)
  })
})
