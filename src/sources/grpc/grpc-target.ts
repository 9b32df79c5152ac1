/**
 * Where a feed is and how it is called, and the channel options and metadata that follow. Main thread. Pure.
 */
import type { MessageForm } from '../../ingest/tick-sink.js'
import type { Tls } from './grpc-credentials.js'
import { Metadata } from './grpc-js.js'

export interface GrpcTarget {
  /** 'host:port'. */
  readonly target: string
  readonly tls: Tls
  /** HTTP/2 flow control window: the bytes that the feed may send before they are read. */
  readonly windowBytes: number
  /** Time between two HTTP/2 pings, which find out whether the feed still answers; 0: no pings. */
  readonly keepaliveMs: number
  /** Whether to connect through the proxy that the environment names. */
  readonly proxy: boolean
  /** How long the connection may take. Default 20 s. */
  readonly connectTimeoutMs?: number
  /** Sent with each call. The value of a key that ends with `-bin` is base64. */
  readonly metadata: CallMetadata
}

export type CallMetadata = Readonly<Record<string, string>>

/** A server-streaming method of any service, and how to call it. */
export interface GrpcMethod {
  /** '/acme.md.MarketData/Subscribe'. */
  readonly path: string
  /** The encoded request. */
  readonly request: Uint8Array
  /** What a message of the stream holds. */
  readonly form: MessageForm
}

/** The contract allows 64 KiB. A feed that sends longer messages is read all the same. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
/** By grpc-js's own timer: a pause of the process between ping and answer that is longer costs a new call, and no tick. */
const KEEPALIVE_TIMEOUT_MS = 10_000

const PING_INTERVAL_FACTOR = 2
const PING_INTERVAL_MS_MAX = 86_400_000

/** The options of the channel of a call. */
export function channelOptions(target: GrpcTarget): Record<string, number | string> {
  const options: Record<string, number | string> = {
    'grpc-node.flow_control_window': target.windowBytes,
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    // Retries and their delays are the source's: one policy, not two on top of each other.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': target.proxy ? 1 : 0,
  }
  if (target.keepaliveMs > 0) {
    options['grpc.keepalive_time_ms'] = target.keepaliveMs
    options['grpc.keepalive_timeout_ms'] = KEEPALIVE_TIMEOUT_MS
  }
  const serverName = target.tls ? target.tls.serverName : undefined
  if (serverName !== undefined) {
    // The one is compared with the certificate, the other is what a proxy routes the call by.
    options['grpc.ssl_target_name_override'] = serverName
    options['grpc.default_authority'] = serverName
  }
  return options
}

export function metadataOf(entries: CallMetadata): Metadata {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(entries)) {
    metadata.set(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  }
  return metadata
}

/** After the feed has refused the pings: half as many, see https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md. */
export function pingedLessOften(target: GrpcTarget): GrpcTarget {
  const keepaliveMs = Math.min(target.keepaliveMs * PING_INTERVAL_FACTOR, PING_INTERVAL_MS_MAX)
  return { ...target, keepaliveMs }
}
