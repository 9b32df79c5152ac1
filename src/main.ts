#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The `ringcast` command. Main thread. The only file that touches process.env, argv, signals and exit.
 * Exit codes of services: 0 stopped by a signal, 1 failed, 2 a wrong setting or a wrong file that it names, 128 + signal at a
 * second signal. Those of tools stand in config/commands.ts.
 */
import cluster from 'node:cluster'
import { availableParallelism, totalmem } from 'node:os'
import { stopTimeMs } from './app/drain-times.js'
import { feedSettings, hasDemoPage } from './app/feed-settings.js'
import { Gateway } from './app/gateway.js'
import { packageVersion } from './app/package-version.js'
import { type HostProcess, runService, type Service } from './app/process-lifetime.js'
import { GatewayGroup } from './app/processes/gateway-group.js'
import { GroupMember } from './app/processes/group-member.js'
import { RelayService } from './app/relay-service.js'
import { withServiceManager } from './app/service-manager.js'
import { startDetails, startWarnings } from './app/start-report.js'
import { runTool } from './app/tools/run-tool.js'
import { processToolHost } from './app/tools/tool-host.js'
import { systemClock } from './common/clock.js'
import { RingcastError } from './common/errors.js'
import { descriptorLimit, SPARE_DESCRIPTORS } from './common/file-descriptors.js'
import type { ProcessLog } from './common/log.js'
import { createProcessLog } from './common/process-log.js'
import { type Config, type ParsedCommand, parseConfig } from './config/config.js'
import { shownConfigText } from './config/shown-config.js'
import { type RunningFeed, runFeed } from './embedded-feed/run-feed.js'

async function main(): Promise<void> {
  const parsed = parse()
  if (parsed === undefined) return
  switch (parsed.command) {
    case 'help':
      process.stdout.write(parsed.text)
      return
    case 'version':
      process.stdout.write(`${packageVersion()}\n`)
      return
    case 'config':
      process.stdout.write(shownConfigText(parsed.shown))
      return
    case 'serve':
      if (parsed.config.processes === 1) return run(serveService, parsed.config, stopTimeMs(parsed.config))
      if (cluster.isPrimary) return run(groupService, parsed.config, stopTimeMs(parsed.config))
      return runMember(parsed.config)
    case 'feed':
      return run(feedService, parsed.config, parsed.config.shutdownTimeoutMs)
    case 'relay':
      return run(relayService, parsed.config, parsed.config.shutdownTimeoutMs)
    default:
      process.exitCode = await runTool(parsed, processToolHost(process, process.env))
  }
}

/** The command of the user; undefined when it is wrong, after the faults were written to stderr. */
function parse(): ParsedCommand | undefined {
  try {
    return parseConfig({
      env: process.env,
      argv: process.argv.slice(2),
      availableParallelism: availableParallelism(),
    })
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    process.stderr.write(
      `${error.message}\n\nringcast --help lists the commands, ringcast <command> --help its flags.\n`,
    )
    process.exitCode = 2
    return undefined
  }
}

interface ManagedService extends Service {
  /** Default: while the process answers. */
  readonly isLive?: () => boolean
}

interface RunOptions {
  readonly host?: HostProcess
  /** Of one of several processes. */
  readonly number?: number
}

function run(
  service: (config: Config, log: ProcessLog) => ManagedService,
  config: Config,
  /** The longest time that an orderly stop takes. */
  stopTimeoutMs: number,
  { host = process, number }: RunOptions = {},
): Promise<void> {
  const { isTTY } = process.stdout
  const log = createProcessLog({
    level: config.logLevel,
    form: config.logFormat === 'auto' ? (isTTY ? 'text' : 'json') : config.logFormat,
    // https://no-color.org
    hasColours: isTTY && !process.env.NO_COLOR,
    details: number === undefined ? {} : { process: number },
  })
  // Also for unhandled rejections. The state is unknown then, so there is no orderly stop.
  process.on('uncaughtException', (err, origin) => {
    log.fatal({ err, origin }, 'an unexpected error: this is a bug in Ringcast')
    process.exit(1)
  })
  return runService(managed(service(config, log), log, number), {
    host,
    clock: systemClock,
    log,
    stopTimeoutMs,
  })
}

/** As systemd wants it told, if it started this process. It is not told by one of several gateways. */
function managed(service: ManagedService, log: ProcessLog, number: number | undefined): Service {
  const { NOTIFY_SOCKET, WATCHDOG_USEC } = process.env
  if (NOTIFY_SOCKET === undefined || number !== undefined) return service
  const { isLive = () => true } = service
  return withServiceManager(service, { watchdogUs: WATCHDOG_USEC, isLive, clock: systemClock, log })
}

/** One of several gateways. Its log lines name its number. */
async function runMember(config: Config): Promise<void> {
  const member = new GroupMember(process, systemClock)
  const order = await member.started
  if (order === undefined) {
    member.leave()
    return
  }
  const { process: number, upstream } = order
  // The embedded feed of the first process is on this machine: a proxy of the environment leads elsewhere.
  const demo = hasDemoPage(config) ? 'true' : 'false'
  const ofMember: Config =
    upstream === undefined ? config : { ...config, demo, upstream, upstreamProxy: false }
  await run((_, log) => memberService(ofMember, log, member, number), ofMember, stopTimeMs(ofMember), {
    number,
    host: member,
  })
  member.leave()
}

function serveService(config: Config, log: ProcessLog): ManagedService {
  const gateway = new Gateway(config, log)
  return {
    isLive: () => gateway.state.view().liveness().live,
    failed: gateway.failed,
    drainRequested: gateway.drainRequested,
    stop: isRequested => gateway.stop(isRequested),
    reload: () => gateway.reload(),
    async start(signal) {
      warnAtStart(config, log)
      const { webSocketUrl, adminUrl, feed, maxClients } = await gateway.start(signal)
      log.info({ webSocketUrl, adminUrl, feed, ...startDetails(config, maxClients) }, 'accepting clients')
      for (const line of examples(config, webSocketUrl, adminUrl)) log.info({}, line)
    },
  }
}

function memberService(config: Config, log: ProcessLog, member: GroupMember, number: number): Service {
  const gateway = new Gateway(config, log, number)
  return {
    failed: gateway.failed,
    stop: isRequested => gateway.stop(isRequested, member.isPolled),
    reload: () => gateway.reload(),
    async start(signal) {
      member.answer(question => gateway.state.answer(question))
      member.report(() => gateway.state.report())
      const { webSocketUrl, feed, maxClients } = await gateway.start(signal)
      member.accepting({ webSocketUrl, feed, maxClients })
    },
  }
}

function groupService(config: Config, log: ProcessLog): ManagedService {
  const group = new GatewayGroup(config, { clock: systemClock, log })
  return {
    isLive: () => group.view().liveness().live,
    failed: group.failed,
    drainRequested: group.drainRequested,
    stop: isRequested => group.stop(isRequested),
    reload: () => group.reload(),
    async start(signal) {
      warnAtStart(config, log)
      const { webSocketUrl, adminUrl, feed, maxClients } = await group.start(signal)
      const { processes } = config
      const details = startDetails(config, maxClients)
      log.info({ webSocketUrl, adminUrl, feed, processes, ...details }, 'accepting clients')
      for (const line of examples(config, webSocketUrl, adminUrl)) log.info({}, line)
    },
  }
}

function warnAtStart(config: Config, log: ProcessLog): void {
  // 0 or a huge number: the process is in no container with a limit.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY
  const machine = { processors: availableParallelism(), memoryBytes: Math.min(totalmem(), limit) }
  for (const { details, message } of startWarnings(config, machine)) log.warn(details, message)
}

/** For people. */
function examples(config: Config, webSocketUrl: string, adminUrl: string | undefined): string[] {
  const local = (url: string): string => url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost')
  const demo = local(webSocketUrl).replace(/^ws(s?:.*)\/ws\/ticks$/, 'http$1/')
  return [
    `try: npx wscat -c ${local(webSocketUrl)}`,
    ...(hasDemoPage(config) ? [`prices in a browser: ${demo}`] : []),
    ...(adminUrl === undefined ? [] : [`dashboard in a browser: ${local(adminUrl)}/`]),
  ]
}

function feedService(config: Config, log: ProcessLog): Service {
  let feed: RunningFeed | undefined
  let fail: (error: RingcastError) => void = () => {}
  return {
    failed: new Promise(resolve => {
      fail = resolve
    }),
    stop: async () => feed?.stop(),
    // It has none.
    reload: async () => {},
    async start() {
      feed = await runFeed({
        ...feedSettings(config, config.feedListen),
        log,
        reservedFrom: descriptorLimit() - SPARE_DESCRIPTORS,
        onFailure: error => fail(error),
        onEnd: ticks => log.info({ ticks }, 'the replay has ended'),
      })
      const address = config.feedListen.replace(/:\d+$/, `:${feed.port}`)
      log.info({ address }, 'feeding')
      log.info({}, `try: ringcast --upstream ${address}`)
    },
  }
}

function relayService(config: Config, log: ProcessLog): Service {
  const relay = new RelayService(config, log)
  return {
    // It goes on trying.
    failed: new Promise(() => {}),
    drainRequested: relay.drainRequested,
    stop: () => relay.stop(),
    reload: () => relay.reload(),
    async start(signal) {
      log.info(await relay.start(signal), 'relaying')
    },
  }
}

await main()
