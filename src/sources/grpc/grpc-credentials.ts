/**
 * Makes credentials whose channel never connects after it was closed, and whose connections are probed by the kernel.
 * Main thread. Why grpc-js needs this: docs/decisions/0040-closed-channels-stay-closed.md, 0072-silence-is-no-fault.md
 */
import { type ChannelCredentials, credentials } from './grpc-js.js'

/** Certificates and keys are in PEM. */
export interface TlsFiles {
  /** Certificates to trust. Default: those that Node trusts. */
  readonly ca?: Buffer
  /** The certificate that the feed is shown, with `key`. */
  readonly cert?: Buffer
  readonly key?: Buffer
  /** The name in the certificate of the feed. Default: the host of the target. */
  readonly serverName?: string
}

export type Tls = false | TlsFiles

/**
 * A connection on which nothing came for so long is probed. Ten probes without an answer, a second apart, end it.
 * Unlike an HTTP/2 ping, a probe is nothing that a feed counts or forbids.
 */
const PROBE_AFTER_MS = 20_000

export function channelCredentials(tls: Tls): ChannelCredentials {
  const made = tls
    ? credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null)
    : credentials.createInsecure()
  const createConnector = made._createSecureConnector.bind(made)
  made._createSecureConnector = (...options) => {
    const connector = createConnector(...options)
    let isClosed = false
    return {
      connect: socket => connector.connect(socket.setKeepAlive(true, PROBE_AFTER_MS)),
      getCallCredentials: () => connector.getCallCredentials(),
      async waitForReady() {
        if (isClosed) throw new Error('the channel is closed')
        await connector.waitForReady()
      },
      destroy() {
        isClosed = true
        connector.destroy()
      },
    }
  }
  return made
}
