/**
 * The request of a WebSocket client, as text.
 */

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

export function upgradeRequest(target: string, headers: readonly string[] = []): string {
  return [
    `GET ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    ...headers,
    '\r\n',
  ].join('\r\n')
}
