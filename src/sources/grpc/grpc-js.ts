/**
 * The parts of grpc-js that Ringcast uses, for the client and for the server. No other file imports the package.
 */
export {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ConnectionInjector,
  connectivityState,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
