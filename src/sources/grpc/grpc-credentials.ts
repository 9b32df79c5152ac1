/**
 * Credentials of a channel that stays closed once it is closed. Main thread.
 * A channel of grpc-js 1.14 that is closed after a failed try connects once more when its own delay is over, and
 * keeps that connection for good: each failed try would cost the feed a connection. The channel tells its
 * connector that it is closed, and asks it before it connects; so the connector can say no.
 */
import { type ChannelCredentials, credentials } from '@grpc/grpc-js'

/** `ca` in PEM; without it, the certificate authorities that Node trusts. */
export type Tls = false | { readonly ca?: Buffer }

export function channelCredentials(tls: Tls): ChannelCredentials {
  const made = tls ? credentials.createSsl(tls.ca ?? null) : credentials.createInsecure()
  const createConnector = made._createSecureConnector.bind(made)
  made._createSecureConnector = (...options) => {
    const connector = createConnector(...options)
    let isClosed = false
    return {
      connect: socket => connector.connect(socket),
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
