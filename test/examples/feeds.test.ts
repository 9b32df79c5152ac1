/**
 * The feeds of examples/feeds, each in its own language, read by a gateway with the settings of their README.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { probe } from '../../src/app/probe.js'
import { parseConfig } from '../../src/config/config.js'
import type { MessageForm } from '../../src/ingest/tick-sink.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { loadFeed } from '../../src/sources/grpc/load-feed.js'
import { loadTypesFile } from '../../src/sources/schema/types-file.js'
import { TestFolder } from '../support/acme-proto.js'
import { readPage } from '../support/markdown.js'
import { Watched } from '../support/watched.js'

const FEEDS = fileURLToPath(new URL('../../../examples/feeds/', import.meta.url))
const PROTO = `${FEEDS}depth.proto`
/** Debian's: its packages are not those of another Python in the path. */
const PYTHON = '/usr/bin/python3'
const GRPC_PLUGIN = '/usr/bin/grpc_python_plugin'
const NEEDED = [PYTHON, '/usr/lib/python3/dist-packages/grpc', '/usr/bin/protoc', GRPC_PLUGIN]

class MessageSink extends Watched {
  readonly messages: Buffer[] = []
  push(message: Uint8Array, _form: MessageForm): void {
    this.messages.push(Buffer.from(message))
    this.changed()
  }
  sessionStarted(): void {}
  setSourceState(): void {}
  lose(): void {}

  lastPosition(): number {
    return 0
  }
}

let child: ChildProcess | undefined
let source: GrpcSource | undefined

afterEach(async () => {
  await source?.stop()
  source = undefined
  if (child !== undefined && child.exitCode === null) {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  child = undefined
})

/** Starts a program that says where it feeds, and returns that address. */
async function start(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const started = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  child = started
  for await (const line of createInterface({ input: started.stderr })) {
    const [, target] = /^feeding at (\S+)$/.exec(line) ?? []
    if (target !== undefined) return target
    throw new Error(line)
  }
  throw new Error('the feed has ended')
}

/** The settings of the README, with which the feed is read. */
function settings(): Record<string, string> {
  const lines = [...readPage('examples/feeds/README.md').matchAll(/^(RINGCAST_\w+)=(.*)$/gm)]
  return Object.fromEntries(lines.map(([, name, value]) => [name!, value!]))
}

/** Reads messages of a feed with the settings of the README, decoded. */
async function messagesOf(target: string, proto: string | undefined): Promise<Record<string, unknown>[]> {
  const env = settings()
  const { method } = await loadFeed({
    target,
    proto,
    method: env.RINGCAST_UPSTREAM_METHOD!,
    mapping: {
      symbol: env.RINGCAST_TICK_SYMBOL!,
      kind: env.RINGCAST_TICK_KIND,
      time: env.RINGCAST_TICK_TIME,
      sequence: env.RINGCAST_TICK_SEQUENCE,
    },
  })
  const sink = new MessageSink()
  source = new GrpcSource({ target, method })
  source.start(sink)
  await sink.until(() => sink.messages.length >= 3)
  const type = loadTypesFile(PROTO).lookupType('example.depth.Event')
  return sink.messages
    .slice(0, 3)
    .map(bytes => type.toObject(type.decode(bytes), { longs: String, oneofs: true }))
}

/** The first three events of a feed: of all markets, two books and a trade. */
function expectEvents(events: readonly Record<string, unknown>[]): void {
  expect(events.map(({ seq, body }) => [seq, body])).toEqual([
    ['1', 'book'],
    ['2', 'book'],
    ['3', 'trade'],
  ])
  expect(new Set(events.map(({ market }) => market))).toEqual(new Set(['ACME-USD', 'BOLT-USD', 'CORE-USD']))
}

describe('the feed in Node', () => {
  it('is read by its reflection, with the settings that the probe proposes', async () => {
    const target = await start(process.execPath, [`${FEEDS}node/feed.mjs`, '0'])
    expectEvents(await messagesOf(target, undefined))
    const argv = ['probe', target, '--method=example.depth.Depth/Watch', '--print-env']
    const parsed = parseConfig({ env: {}, argv, availableParallelism: 1 })
    const lines: string[] = []
    const output = { result: (line: string) => void lines.push(line), progress: () => {} }
    await probe((parsed as Extract<typeof parsed, { command: 'probe' }>).probe, output)
    expect(lines.map(line => line.replace(target, 'localhost:50061'))).toEqual(
      Object.entries(settings()).map(([name, value]) => `${name}=${value}`),
    )
  })
})

describe('the feed in Python', () => {
  const lacking = NEEDED.find(path => !existsSync(path))

  it('is read by its .proto file', async ({ skip }) => {
    if (lacking !== undefined) skip(`${lacking} is not installed, see .ci/run`)
    const folder = new TestFolder()
    try {
      execFileSync('/usr/bin/protoc', [
        `-I${FEEDS}`,
        `--python_out=${folder.path}`,
        `--grpc_python_out=${folder.path}`,
        `--plugin=protoc-gen-grpc_python=${GRPC_PLUGIN}`,
        PROTO,
      ])
      const env = { PYTHONPATH: folder.path, PYTHONDONTWRITEBYTECODE: '1' }
      const target = await start(PYTHON, [`${FEEDS}python/feed.py`, '0'], env)
      expectEvents(await messagesOf(target, PROTO))
    } finally {
      folder.remove()
    }
  })

  it('has a schema that a compiled descriptor set tells as well', async ({ skip }) => {
    if (lacking !== undefined) skip(`${lacking} is not installed, see .ci/run`)
    const folder = new TestFolder()
    try {
      const path = folder.write('depth.pb', '')
      execFileSync('/usr/bin/protoc', [
        `-I${FEEDS}`,
        '--include_imports',
        `--descriptor_set_out=${path}`,
        PROTO,
      ])
      const load = (proto: string) =>
        loadFeed({
          target: 'localhost:1',
          proto,
          method: 'example.depth.Depth/Watch',
          mapping: { symbol: 'market', kind: 'body', time: 'at', sequence: 'seq' },
        })
      const [compiled, text] = [await load(path), await load(PROTO)]
      expect(compiled.method).toEqual(text.method)
      expect(compiled.schema.mapping).toEqual(text.schema.mapping)
    } finally {
      folder.remove()
    }
  })
})
