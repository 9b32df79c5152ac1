/** The only file that imports the client of NATS. It is loaded only where NATS is configured. Main thread. */

export type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream'
export {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
export { type KV, Kvm } from '@nats-io/kv'
export {
  connect,
  credsAuthenticator,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NodeConnectionOptions,
  type Subscription,
} from '@nats-io/transport-node'
