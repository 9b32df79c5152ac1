/**
 * The command `ringcast probe`: looks at a feed of any schema, and proposes settings for it. Main thread.
 */
import { type Clock, systemClock } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { protobuf } from '../common/protobufjs.js'
import { variableOf } from '../common/setting-names.js'
import type { Config, ProbeConfig } from '../config/config.js'
import { feedOfTypes, type LoadedFeed, loadTypes } from '../sources/grpc/load-feed.js'
import { findMethod, isServerStreaming, servicesOf } from '../sources/schema/feed-method.js'
import { proposeMapping } from '../sources/schema/mapping-proposal.js'
import { messageLines, serviceLines } from '../sources/schema/schema-text.js'
import { nameOf } from '../sources/schema/type-names.js'
import { SETTING_OF_OPTION } from './foreign-feed-loader.js'
import { sampleTicks } from './probe-sample.js'
import { readUpstreamFiles } from './upstream-files.js'

/** Each takes a line. */
export interface ProbeOutput {
  /** What was found. */
  result(line: string): void
  progress(line: string): void
}

/** @returns the exit code: 0 found, 1 the feed cannot be reached or sent too few ticks, 2 a wrong file or name */
export async function probe(
  config: ProbeConfig,
  output: ProbeOutput,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<0 | 1 | 2> {
  try {
    return (await look(config, output, clock)) ? 0 : 1
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    output.progress(error.message)
    return error.code === 'feed_unreachable' ? 1 : 2
  }
}

/** @returns false when the feed sent fewer ticks than were asked for */
async function look(config: ProbeConfig, output: ProbeOutput, clock: Pick<Clock, 'after'>): Promise<boolean> {
  const { target, method: name, proto } = config
  const { result, progress } = output
  const { tls, metadata, request = {} } = await readUpstreamFiles(config)
  const call = { target, tls, metadata, proxy: config.upstreamProxy }
  progress(proto === undefined ? `asking ${target} for its types` : `reading ${proto}`)
  const types = await loadTypes({ ...call, proto }, name?.split('/')[0], '--proto')
  if (name === undefined) {
    tellServices(types, target, output)
    return true
  }
  const method = findMethod(types, name)
  if (typeof method === 'string') throw new RingcastError('schema_invalid', `--method=${name}: ${method}`)
  if (!config.printEnv) {
    for (const line of ['The request:', '', ...messageLines(method.request)]) result(line)
    for (const line of ['', 'A message of the stream:', '', ...messageLines(method.message)]) result(line)
    for (const line of ['', 'Proposed settings, guessed from names and types:', '']) result(line)
  }
  const paths = pathsOf(config, method.message, progress)
  const feed = feedOf(types, name, request, paths)
  for (const place of feed?.withoutSymbol ?? [])
    progress(`${place} has no symbol: its messages are no ticks, and are skipped`)
  for (const line of [...callLines(config), ...settingLines(paths)]) result(line)
  if (config.sample === undefined || feed === undefined) return true
  for (const line of ['', 'The first ticks, as clients would see them:', '']) result(line)
  const { sample: count, sampleTimeoutMs: timeoutMs } = config
  progress(`calling ${name} for ${count} ticks`)
  let malformed = 0
  let skipped = 0
  const came = await sampleTicks(call, feed, {
    count,
    timeoutMs,
    clock,
    onTick: tick => {
      if (tick === 'malformed') {
        malformed++
        progress('a tick is malformed: clients would be told of a gap')
      } else if (tick !== 'without a symbol') result(tick.text)
      else if (skipped++ === 0)
        progress('a message has no symbol: it is no tick, and is skipped, as further ones are')
    },
  })
  if (came === count) return true
  progress(
    `the feed sent ${came} of ${count} ticks in ${timeoutMs} ms, ${malformed} of them malformed, and ${skipped} messages without a symbol: ` +
      'look whether it is quiet, whether the request asks for the right symbols, or raise --sample-timeout-ms',
  )
  return false
}

function tellServices(types: protobuf.Root, target: string, { result, progress }: ProbeOutput): void {
  for (const line of serviceLines(types)) result(line)
  const [stream] = servicesOf(types).flatMap(service =>
    service.methodsArray.filter(isServerStreaming).map(({ name }) => `${nameOf(service)}/${name}`),
  )
  if (stream === undefined) {
    progress('no method streams its replies to one request, so there is none to read ticks from')
  } else progress(`look at the messages of a method: ringcast probe ${target} --method ${stream}`)
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
    upstreamRequest: config.upstreamRequest,
  })
}

/**
 * @returns undefined when no path to the symbol is known
 * @throws RingcastError `schema_invalid` when a path or the request does not fit the types
 */
function feedOf(types: protobuf.Root, method: string, request: object, paths: Paths): LoadedFeed | undefined {
  const { tickKind, tickPosition, tickRepeated, tickSequence, tickSymbol, tickTime } = paths
  if (tickSymbol === undefined) return undefined
  const mapping = {
    ...{ repeated: tickRepeated, symbol: tickSymbol, kind: tickKind },
    ...{ time: tickTime, sequence: tickSequence, position: tickPosition },
  }
  return feedOfTypes(types, { method, request, mapping }, option => variableOf(SETTING_OF_OPTION[option]))
}

type Paths = Readonly<
  Record<
    'tickRepeated' | 'tickSymbol' | 'tickKind' | 'tickTime' | 'tickSequence' | 'tickPosition',
    string | undefined
  >
>

/** The paths that the user gave, and for all others those that are proposed. */
function pathsOf(config: ProbeConfig, message: protobuf.Type, progress: (line: string) => void): Paths {
  const proposed = proposeMapping(message)
  const symbol = config.tickSymbol ?? proposed.symbol
  if (symbol === undefined) {
    progress(
      `no text looks like a symbol: set ${variableOf('tickSymbol')} to the path of the field that holds it`,
    )
  }
  const { time } = proposed
  const isUnitUnknown = time !== undefined && !time.isTimestamp && time.unit === undefined
  if (isUnitUnknown && config.tickTime === undefined) {
    progress(
      `the unit of ${time.path} is not known: set ${variableOf('tickTime')} to ${time.path}:ns, :us, :ms or :s`,
    )
  }
  const timeText = time?.isTimestamp ? time.path : `${time?.path}:${time?.unit}`
  return {
    tickRepeated: config.tickRepeated ?? proposed.repeated,
    tickSymbol: symbol,
    tickKind: config.tickKind ?? proposed.kind,
    tickTime: config.tickTime ?? (time === undefined || isUnitUnknown ? undefined : timeText),
    tickSequence: config.tickSequence ?? proposed.sequence,
    tickPosition: config.tickPosition,
  }
}

function settingLines(values: Readonly<Partial<Record<keyof Config, string | undefined>>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${variableOf(key)}=${inEnvFile(value!)}`)
}

/** On one line, and in quotes where Node would take a part of the value for a comment. */
function inEnvFile(value: string): string {
  // A line break of a JSON request is between its parts: texts have none.
  const line = value.replace(/\s*[\r\n]\s*/g, ' ')
  const quote = line.includes('#') ? ["'", '`', '"'].find(each => !line.includes(each)) : undefined
  return quote === undefined ? line : `${quote}${line}${quote}`
}
