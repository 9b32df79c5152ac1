/** Translates the config into the options of NATS. Main thread. */
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { Config } from '../config/config.js'
import type { NatsOptions } from '../sources/nats/nats-options.js'
import { readNatsFiles } from './nats-files.js'

/**
 * @param name what the process is called in the lists of the server
 * @throws RingcastError `config_invalid` when a file cannot be read, or holds something else
 */
export async function natsOptions(
  config: Config,
  servers: readonly string[],
  name: string,
  clock: Clock,
  log: Log,
): Promise<NatsOptions> {
  return {
    servers,
    stream: config.natsStream,
    name,
    ...(await readNatsFiles(config)),
    clock,
    log: { info: message => log.info({}, message), warn: message => log.warn({}, message) },
  }
}
