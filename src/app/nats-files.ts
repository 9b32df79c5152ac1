/** Reads the files that the settings of NATS name. Main thread. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { RingcastError } from '../common/errors.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import type { NatsOptions, NatsTls } from '../sources/nats/nats-options.js'

type FileKey = 'natsCredentials' | 'natsTlsCa' | 'natsTlsCert' | 'natsTlsKey'

/** @throws RingcastError `config_invalid` when a file cannot be read, or holds something else */
export async function readNatsFiles(
  config: Pick<Config, FileKey>,
): Promise<Pick<NatsOptions, 'credentials' | 'tls'>> {
  const credentials = await readNamed(config, 'natsCredentials')
  if (credentials !== undefined && !credentials.includes('BEGIN NATS USER JWT'))
    throw wrong(config, 'natsCredentials', 'must be a file of credentials, as nsc writes it')
  const ca = await readNamed(config, 'natsTlsCa')
  const cert = await readNamed(config, 'natsTlsCert')
  const key = await readNamed(config, 'natsTlsKey')
  const tls: NatsTls = {
    ...(ca === undefined ? {} : { ca: ca.toString() }),
    ...(cert === undefined ? {} : { cert: cert.toString() }),
    ...(key === undefined ? {} : { key: key.toString() }),
  }
  try {
    createSecureContext(tls)
  } catch (cause) {
    const key = tls.key === undefined ? 'natsTlsCa' : 'natsTlsKey'
    throw wrong(config, key, 'must be PEM, and the key must be that of the certificate', cause)
  }
  return { credentials, tls: Object.keys(tls).length === 0 ? undefined : tls }
}

async function readNamed(config: Pick<Config, FileKey>, key: FileKey): Promise<Buffer | undefined> {
  const path = config[key]
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (cause) {
    throw wrong(config, key, 'must be a file that can be read', cause)
  }
}

function wrong(config: Pick<Config, FileKey>, key: FileKey, rule: string, cause?: unknown): RingcastError {
  return new RingcastError('config_invalid', `${variableOf(key)}=${config[key]}: ${rule}`, { cause })
}
