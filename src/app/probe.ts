/**
 * The command `ringcast probe`: looks at a feed of any schema, and proposes settings for it. Main thread.
 */
import { RingcastError } from '../common/errors.js'
import type { protobuf } from '../common/protobufjs.js'
import { variableOf } from '../common/setting-names.js'
import type { Config, ProbeConfig } from '../config/config.js'
import { loadTypes } from '../sources/grpc/load-feed.js'
import { findMethod, isServerStreaming, servicesOf } from '../sources/schema/feed-method.js'
import { proposeMapping } from '../sources/schema/mapping-proposal.js'
import { messageLines, serviceLines } from '../sources/schema/schema-text.js'
import { nameOf } from '../sources/schema/type-names.js'
import { readUpstreamFiles } from './upstream-files.js'

/** Each takes a line. */
export interface ProbeOutput {
  /** What was found. */
  result(line: string): void
  progress(line: string): void
}

/** @returns the exit code: 0 found, 1 the feed cannot be reached, 2 a wrong file or name */
export async function probe(config: ProbeConfig, output: ProbeOutput): Promise<0 | 1 | 2> {
  try {
    await look(config, output)
    return 0
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    output.progress(error.message)
    return error.code === 'feed_unreachable' ? 1 : 2
  }
}

async function look(config: ProbeConfig, { result, progress }: ProbeOutput): Promise<void> {
  const { target, method: name, proto } = config
  const { tls, metadata } = await readUpstreamFiles({ ...config, upstreamRequest: undefined })
  progress(proto === undefined ? `asking ${target} for its types` : `reading ${proto}`)
  const types = await loadTypes(
    { target, tls, metadata, proto, proxy: config.upstreamProxy },
    name?.split('/')[0],
    '--proto',
  )
  if (name === undefined) {
    for (const line of serviceLines(types)) result(line)
    const [stream] = servicesOf(types).flatMap(service =>
      service.methodsArray.filter(isServerStreaming).map(method => `${nameOf(service)}/${method.name}`),
    )
    if (stream === undefined)
      progress('no method streams its replies to one request, so there is none to read ticks from')
    else progress(`look at the messages of a method: ringcast probe ${target} --method ${stream}`)
    return
  }
  const method = findMethod(types, name)
  if (typeof method === 'string') throw new RingcastError('schema_invalid', `--method=${name}: ${method}`)
  if (!config.printEnv) {
    for (const line of ['The request:', '', ...messageLines(method.request)]) result(line)
    for (const line of ['', 'A message of the stream:', '', ...messageLines(method.message)]) result(line)
    for (const line of ['', 'Proposed settings, guessed from names and types:', '']) result(line)
  }
  for (const line of [...callLines(config), ...mappingLines(method.message, progress)]) result(line)
}

function callLines(config: ProbeConfig): string[] {
  const { target, method, proto, upstreamTls, upstreamTlsCa, upstreamTlsCert, upstreamTlsKey } = config
  return settingLines({
    upstream: target,
    upstreamMethod: method,
    upstreamProto: proto,
    upstreamTls: upstreamTls ? 'true' : undefined,
    upstreamTlsCa,
    upstreamTlsCert,
    upstreamTlsKey,
    upstreamTlsServerName: config.upstreamTlsServerName,
    upstreamProxy: config.upstreamProxy ? undefined : 'false',
  })
}

function mappingLines(message: protobuf.Type, progress: (line: string) => void): string[] {
  const { repeated, symbol, kind, time, sequence } = proposeMapping(message)
  if (symbol === undefined) {
    progress(
      `no text looks like a symbol: set ${variableOf('tickSymbol')} to the path of the field that holds it`,
    )
  }
  const hasUnit = time?.isTimestamp || time?.unit !== undefined
  if (!hasUnit && time !== undefined) {
    progress(
      `the unit of ${time.path} is not known: set ${variableOf('tickTime')} to ${time.path}:ns, :us, :ms or :s`,
    )
  }
  return settingLines({
    tickRepeated: repeated,
    tickSymbol: symbol,
    tickKind: kind,
    tickTime: hasUnit
      ? `${time!.path}${time!.unit === undefined || time!.isTimestamp ? '' : `:${time!.unit}`}`
      : undefined,
    tickSequence: sequence,
  })
}

function settingLines(values: Readonly<Partial<Record<keyof Config, string | undefined>>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${variableOf(key)}=${value}`)
}
