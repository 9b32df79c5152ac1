import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, expectTypeOf, it } from 'vitest'
import type {
  ClientMessage,
  QuoteJson,
  SchemaTickJson,
  ServerMessage,
  TickHead,
  TickJson,
  TicksMessage,
  TradeJson,
} from '../src/index.js'
import { readCommand } from '../src/protocol/client-command.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OPTIONS = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']

it('the types of the package compile for users who check the types of libraries', async () => {
  const compiler = ['node_modules/typescript/bin/tsc', ...OPTIONS, '--ignoreConfig', 'dist/src/index.d.ts']
  const { stdout } = await promisify(execFile)(process.execPath, compiler, { cwd: ROOT }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})

// The compiler checks these when the tests are built.
it('the messages have the type of the ticks: quotes and trades, or those of a schema', () => {
  interface Fields {
    readonly trade?: { readonly price: number }
  }
  const ticksOf = <Tick extends TickHead>(message: ServerMessage<Tick>): readonly Tick[] =>
    message.type === 'ticks' || message.type === 'snapshot' ? message.ticks : []
  expectTypeOf<TicksMessage['ticks'][number]>().toEqualTypeOf<TickJson>()
  expectTypeOf<ServerMessage>().toEqualTypeOf<ServerMessage<TickJson>>()
  expectTypeOf(ticksOf<SchemaTickJson<Fields>>).returns.toEqualTypeOf<readonly SchemaTickJson<Fields>[]>()
  expectTypeOf<SchemaTickJson<Fields>>().toHaveProperty('trade')
  expectTypeOf<SchemaTickJson<Fields>['symbol']>().toEqualTypeOf<string>()
  expectTypeOf<SchemaTickJson['price']>().toEqualTypeOf<unknown>()
  expectTypeOf<SchemaTickJson['time']>().toEqualTypeOf<number | null | undefined>()
})

it('the kind of a tick says which fields it has', () => {
  const spread = (tick: TickJson) => (tick.kind === 'quote' ? Number(tick.ask) - Number(tick.bid) : tick.last)
  expectTypeOf<Extract<TickJson, { kind: 'quote' }>>().toEqualTypeOf<QuoteJson>()
  expectTypeOf<Extract<TickJson, { kind: 'trade' }>>().toEqualTypeOf<TradeJson>()
  const head = { symbol: 'A', sequence: 1, time: 2 }
  expect(spread({ ...head, kind: 'quote', bid: 1, bidSize: 1, ask: 3, askSize: 1 })).toBe(2)
  expect(spread({ ...head, kind: 'trade', last: null, lastSize: 1 })).toBeNull()
})

it('the types of commands are those that the gateway reads', () => {
  const commands: readonly ClientMessage[] = [
    { type: 'subscribe', id: 1, symbols: ['A'], delivery: 'latest', interval: 5, snapshot: true },
    { type: 'subscribe', id: 'x', symbols: ['A'], resume: 'e:1' },
    { type: 'subscribe', id: 2, symbols: ['A'], since: '-5m' },
    { type: 'unsubscribe', id: 3, symbols: ['A'] },
    { type: 'list', id: 4 },
    { type: 'ping', id: 5 },
    { type: 'auth', token: 't' },
    { type: 'auth', id: 6, token: 't' },
  ]
  for (const command of commands)
    expect(readCommand(JSON.stringify(command))).toMatchObject({ command: { ...command } })
})

it.each(['messages', 'client-messages'])('the package exports every type of protocol/%s.ts', name => {
  const read = (path: string) => readFileSync(`${ROOT}/src/${path}.ts`, 'utf8')
  const exported = new Set(read('index').match(/\w+/g))
  const types = [...read(`protocol/${name}`).matchAll(/^export (?:interface|type) (\w+)/gm)].map(
    ([, type]) => type!,
  )
  expect(types.length).toBeGreaterThan(5)
  expect(types.filter(type => !exported.has(type))).toEqual([])
})
