/**
 * Names the proxy of the environment through which grpc-js reaches a feed. Main thread. Pure.
 */
import type { Client } from './grpc-js.js'

/** @returns 'host:port', without the credentials for the proxy; undefined: there is none */
export function proxyOf(client: Client, target: string): string | undefined {
  const reached = client.getChannel().getTarget().replace(/^\w+:/, '')
  return reached === target ? undefined : reached
}

/** The reason for which a call failed, with the proxy. */
export function withProxy(reason: string, proxy: string | undefined): string {
  if (proxy === undefined) return reason
  // A proxy that cannot be reached leaves grpc-js without a reason.
  const known = reason.replace(/\.? Last error: undefined$/, '')
  return `${known} (through the proxy ${proxy} of grpc_proxy, https_proxy or http_proxy)`
}
