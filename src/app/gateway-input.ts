/** Where the ticks of a gateway come from, with what must be known before its handler is made. Main thread. */
import type { StreamHandlerParts } from '../broadcaster/handler-parts.js'
import { type Clock, systemClock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { Config } from '../config/config.js'
import type { SourceStatus, TickSource } from '../sources/tick-source.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import { natsOptions } from './nats-settings.js'

export interface GatewayInput {
  /** undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
  readonly rules: Pick<StreamHandlerParts, 'positionsTellLosses' | 'ticksAreRepeated'>
  readonly makeSource: () => TickSource
  /** As a text for people. */
  readonly name: string
}

/** Loads a schema, however long that takes. */
export interface WaitingLoader {
  status(): SourceStatus
}

export interface NatsInputOptions {
  readonly config: Config
  readonly servers: readonly string[]
  /** Called with what the gateway waits for. */
  readonly waiting: (loader: WaitingLoader) => void
  readonly log: Log
  readonly clock?: Clock
}

/**
 * The ticks of a JetStream stream. The schema that its relay has stored is waited for.
 *
 * @throws RingcastError `config_invalid` when a file cannot be read; the reason of the signal after an abort
 */
export async function natsInput(options: NatsInputOptions, signal: AbortSignal): Promise<GatewayInput> {
  const { config, servers, waiting, log, clock = systemClock } = options
  const nats = await natsOptions(config, servers, 'ringcast gateway', clock, log)
  // Loaded here only: without NATS, nobody pays for its client.
  const [{ NatsSource }, { SchemaLoader }] = await Promise.all([
    import('../sources/nats/nats-source.js'),
    import('../sources/nats/schema-loader.js'),
  ])
  const loader = new SchemaLoader(nats)
  waiting(loader)
  const { hash, schema } = await loader.load(signal)
  return {
    schema,
    // The offsets are positions without ticks that come twice.
    rules: { positionsTellLosses: true, ticksAreRepeated: false },
    makeSource: () => new NatsSource({ ...nats, schema: hash }),
    name: `the stream ${config.natsStream} of NATS`,
  }
}
