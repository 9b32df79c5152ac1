import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/common/log.js'
import { COOL_DOWN_MS, REFRESH_MS, RETRY_MS, RemoteKeys } from '../../src/tokens/remote-keys.js'
import { FakeClock } from '../support/fake-clock.js'
import { type TestKey, testKey } from '../support/tokens.js'

let first: TestKey
let second: TestKey
let remote: RemoteKeys | undefined

beforeAll(async () => {
  first = await testKey('ES256', 'one')
  second = await testKey('ES256', 'two')
})

afterEach(() => remote?.close())

/** A URL that answers with keys, a status, or bytes. */
function start(answer: { current: readonly TestKey[] | number | string }) {
  const clock = new FakeClock()
  const stage = { clock, fetches: 0, errors: [] as string[] }
  remote = new RemoteKeys({
    url: 'https://id.example/keys?secret=1',
    clock,
    log: { ...silentLog, error: (details, message) => stage.errors.push(JSON.stringify(details) + message) },
    fetch: async () => {
      stage.fetches++
      const { current } = answer
      if (typeof current === 'number') return new Response('no', { status: current })
      if (typeof current === 'string') return new Response(current)
      return new Response(JSON.stringify({ keys: current.map(({ jwk }) => jwk) }))
    },
  })
  const find = async (key: TestKey): Promise<string> => {
    try {
      await remote!.keys.find({ alg: 'ES256', kid: key.jwk.kid! }, {} as never)
      return 'found'
    } catch (error) {
      return (error as Error).message
    }
  }
  return { ...stage, stage, find }
}

describe('keys of a URL', () => {
  it('are fetched once for all tokens, and again as time passes', async () => {
    const { clock, find, stage } = start({ current: [first] })
    expect(await Promise.all([find(first), find(first), find(first)])).toEqual(['found', 'found', 'found'])
    expect(stage.fetches).toBe(1)
    clock.advance(REFRESH_MS)
    await find(first)
    expect(stage.fetches).toBe(2)
  })

  it('are fetched for a key that is not among them, but only once in half a minute', async () => {
    const answer = { current: [first] as readonly TestKey[] }
    const { clock, find, stage } = start(answer)
    await find(first)
    answer.current = [first, second]
    expect(await find(second)).toContain('no applicable key')
    expect(stage.fetches).toBe(1)
    clock.advance(COOL_DOWN_MS)
    expect(await Promise.all([find(second), find(second)])).toEqual(['found', 'found'])
    expect(stage.fetches).toBe(2)
    const other = await testKey('ES256', 'three')
    for (let times = 0; times < 100; times++) await find(other)
    expect(stage.fetches).toBe(2)
  })

  it.each([
    ['a status', 503],
    ['something else', 'not keys'],
    ['too much', JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) })],
  ])('stay in use while the URL answers with %s', async (_, failure) => {
    const answer: { current: readonly TestKey[] | number | string } = { current: [first] }
    const { clock, find, stage } = start(answer)
    await find(first)
    answer.current = failure
    for (let times = 0; times < 10; times++) {
      clock.advance(REFRESH_MS)
      await remote!.reload()
    }
    expect(await find(first)).toBe('found')
    // The outage is told once, without the query of the URL.
    expect(stage.errors).toHaveLength(1)
    expect(stage.errors[0]).toContain('those from before stay in use')
    expect(stage.errors[0]).not.toContain('secret')
  })

  it('that were never fetched are asked for at most once a second', async () => {
    const answer: { current: readonly TestKey[] | number } = { current: 500 }
    const { clock, find, stage } = start(answer)
    for (let times = 0; times < 10; times++) expect(await find(first)).toContain('could not be fetched')
    expect(stage.fetches).toBe(1)
    answer.current = [first]
    clock.advance(RETRY_MS)
    expect(await find(first)).toBe('found')
  })
})
