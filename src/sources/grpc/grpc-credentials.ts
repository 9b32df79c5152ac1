/**
 * Makes credentials whose channel never connects after it was closed. Main thread.
 * Why grpc-js needs this: docs/decisions/0040-closed-channels-stay-closed.md
 */
import { type ChannelCredentials, credentials } from './grpc-js.js'

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
