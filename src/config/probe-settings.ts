/**
 * The settings of `ringcast probe`. Any thread.
 * Those of the upstream and of ticks are the gateway's, with its flags and its variables. A path that is given is taken in
 * place of the proposed one.
 */
import { methodName } from './feed-setting-types.js'
import { duration, filePath, flag, type ValueOf, wholeOrUnset } from './setting-types.js'
import { configSettings } from './settings.js'

const {
  upstreamTls,
  upstreamTlsCa,
  upstreamTlsCert,
  upstreamTlsKey,
  upstreamTlsServerName,
  upstreamMetadata,
  upstreamProxy,
  upstreamRequest,
  tickRepeated,
  tickSymbol,
  tickKind,
  tickTime,
  tickSequence,
  tickPosition,
} = configSettings

export const probeSettings = {
  method: methodName('Method whose messages are printed, with a proposed mapping; unset: all services'),
  proto: filePath('Types of the feed: a .proto file or a descriptor set; unset: by gRPC server reflection'),
  printEnv: flag('Print the proposed settings only, to copy', { initial: false }),
  sample: wholeOrUnset('Ticks to read with these settings and to print, as clients would see them', {
    min: 1,
    max: 1000,
  }),
  sampleTimeoutMs: duration('How long to wait for these ticks', { initial: 10_000 }),
  upstreamTls,
  upstreamTlsCa,
  upstreamTlsCert,
  upstreamTlsKey,
  upstreamTlsServerName,
  upstreamMetadata,
  upstreamProxy,
  upstreamRequest,
  tickRepeated,
  tickSymbol,
  tickKind,
  tickTime,
  tickSequence,
  tickPosition,
}

export type ProbeOptions = { readonly [K in keyof typeof probeSettings]: ValueOf<(typeof probeSettings)[K]> }

export interface ProbeConfig extends ProbeOptions {
  /** 'host:port'. */
  readonly target: string
}
