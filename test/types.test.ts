import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, expectTypeOf, it } from 'vitest'
import type { SchemaTickJson, ServerMessage, TickHead, TickJson, TicksMessage } from '../src/index.js'

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
