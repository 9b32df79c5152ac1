/** The settings of NATS: of a gateway that reads a stream, and of the relay that writes it. Any thread. */
import { byteSize, filePath, natsUrls, streamName, whole } from './setting-types.js'
import { GiB, MiB, millisecondsText } from './units.js'

const DAY_MS = 86_400_000
const TiB = 1024 * GiB

/** Of gateway and relay. */
export const natsSettings = {
  nats: natsUrls(
    'NATS servers: the gateway reads ticks from a JetStream stream, which ringcast relay writes',
  ),
  natsStream: streamName('Stream of ticks, and how the subjects and the bucket of the relays begin', {
    initial: 'ringcast',
  }),
  natsCredentials: filePath('File of credentials (JWT and seed) for NATS'),
  natsTlsCa: filePath('File of certificates (PEM) to trust for NATS; unset: those of Node'),
  natsTlsCert: filePath('File of the certificate (PEM) to show to NATS (mTLS)'),
  natsTlsKey: filePath('File of the private key (PEM) of that certificate'),
}

/** Of a handler: a source of a library's user may keep ticks, too. */
export const historySettings = {
  historyReaders: whole(
    'Clients that read old ticks from NATS or the feed at a time, by resume; 0: none do',
    {
      min: 0,
      max: 64,
      initial: 4,
    },
  ),
  historyQueue: whole('Clients that may wait until they can read the past; any more are refused', {
    min: 0,
    max: 100_000,
    initial: 64,
  }),
}

/** Of the relay alone. */
export const relaySettings = {
  relayMaxAgeMs: whole('How long the stream keeps ticks', {
    min: 10_000,
    max: 365 * DAY_MS,
    initial: 4 * 3_600_000,
    form: millisecondsText,
  }),
  relayMaxBytes: byteSize('How much the stream keeps, on the disk of each server that holds it', {
    min: MiB,
    max: 64 * TiB,
    initial: 4 * GiB,
  }),
  relayReplicas: whole('Servers of the cluster that hold the stream', { min: 1, max: 5, initial: 1 }),
  relayQueueBytes: byteSize('Ticks that may wait in the relay for NATS; half of it pauses the feed', {
    min: MiB,
    max: 4 * GiB,
    initial: 64 * MiB,
  }),
}
