import { expect, it } from 'vitest'
import { channelCredentials } from '../../../src/sources/grpc/grpc-credentials.js'

it.each([
  ['plain', false],
  ['TLS', {}],
] as const)('lets a channel connect until it is closed, and never after: %s', async (_name, tls) => {
  const credentials = channelCredentials(tls)
  expect(credentials._isSecure()).toBe(tls !== false)
  const connector = credentials._createSecureConnector({ scheme: 'dns', path: 'localhost:1' }, {})
  await connector.waitForReady()
  connector.destroy()
  await expect(connector.waitForReady()).rejects.toThrow('the channel is closed')
})
