/**
 * Reads the files that the settings of the upstream name. Main thread.
 */
import { createSecureContext } from 'node:tls'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { jsonObjectOf, metadataOf } from '../config/feed-setting-types.js'
import type { GrpcSourceOptions } from '../sources/grpc/grpc-source.js'
import { readSettingFile, wrongFile } from './setting-file.js'

export interface UpstreamFiles extends Required<Pick<GrpcSourceOptions, 'tls' | 'metadata'>> {
  /** JSON of the request; undefined: none was given. */
  readonly request: object | undefined
}

/** The settings that name these files. */
export type UpstreamFileSettings = Pick<
  Config,
  | 'upstreamTls'
  | 'upstreamTlsCa'
  | 'upstreamTlsCert'
  | 'upstreamTlsKey'
  | 'upstreamTlsServerName'
  | 'upstreamMetadata'
  | 'upstreamRequest'
>

/** @throws RingcastError `config_invalid` when a file cannot be read, or holds something else */
export async function readUpstreamFiles(config: UpstreamFileSettings): Promise<UpstreamFiles> {
  return {
    tls: config.upstreamTls ? await readTls(config) : false,
    metadata: await readMetadata(config.upstreamMetadata),
    request: await readRequest(config.upstreamRequest),
  }
}

async function readTls(config: UpstreamFileSettings): Promise<GrpcSourceOptions['tls'] & object> {
  const { upstreamTlsCa, upstreamTlsCert, upstreamTlsKey, upstreamTlsServerName } = config
  const files = {
    ...(upstreamTlsCa === undefined ? {} : { ca: await readSettingFile('upstreamTlsCa', upstreamTlsCa) }),
    ...(upstreamTlsCert === undefined
      ? {}
      : { cert: await readSettingFile('upstreamTlsCert', upstreamTlsCert) }),
    ...(upstreamTlsKey === undefined ? {} : { key: await readSettingFile('upstreamTlsKey', upstreamTlsKey) }),
  }
  try {
    createSecureContext(files)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const named = Object.keys(files).map(name =>
      variableOf(`upstreamTls${name[0]?.toUpperCase()}${name.slice(1)}`),
    )
    throw wrongFile(
      `${named.join(', ')}: must be PEM, and the key must be that of the certificate: ${reason}`,
      cause,
    )
  }
  return { ...files, ...(upstreamTlsServerName === undefined ? {} : { serverName: upstreamTlsServerName }) }
}

async function readMetadata(setting: string | undefined): Promise<Record<string, string>> {
  if (setting === undefined) return {}
  if (!setting.startsWith('@')) return metadataOf(setting, ',')!
  const text = await readSettingFile('upstreamMetadata', setting)
  const metadata = metadataOf(text.toString(), '\n')
  if (metadata !== undefined) return metadata
  throw wrongFile(`${variableOf('upstreamMetadata')}=${setting}: the file must hold one key=value a line`)
}

async function readRequest(setting: string | undefined): Promise<object | undefined> {
  if (setting === undefined) return undefined
  const text = setting.startsWith('@')
    ? (await readSettingFile('upstreamRequest', setting)).toString()
    : setting
  const json = jsonObjectOf(text)
  if (json !== undefined) return json
  throw wrongFile(`${variableOf('upstreamRequest')}=${setting}: the file must hold a JSON object`)
}
