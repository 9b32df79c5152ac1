/**
 * The settings of `ringcast probe`. Any thread.
 * Those of the upstream are the gateway's, with its flags and its variables.
 */
import { methodName } from './feed-setting-types.js'
import { filePath, flag, type ValueOf } from './setting-types.js'
import { configSettings } from './settings.js'

const {
  upstreamTls,
  upstreamTlsCa,
  upstreamTlsCert,
  upstreamTlsKey,
  upstreamTlsServerName,
  upstreamMetadata,
  upstreamProxy,
} = configSettings

export const probeSettings = {
  method: methodName('Method whose messages are printed, with a proposed mapping; unset: all services'),
  proto: filePath('Types of the feed: a .proto file or a descriptor set; unset: by gRPC server reflection'),
  printEnv: flag('Print the proposed settings only, to copy', { initial: false }),
  upstreamTls,
  upstreamTlsCa,
  upstreamTlsCert,
  upstreamTlsKey,
  upstreamTlsServerName,
  upstreamMetadata,
  upstreamProxy,
}

export type ProbeOptions = { readonly [K in keyof typeof probeSettings]: ValueOf<(typeof probeSettings)[K]> }

export interface ProbeConfig extends ProbeOptions {
  /** 'host:port'. */
  readonly target: string
}
