/** What the client takes from its surroundings: sockets, time, chance. Tests put others in their place. */

/** The class of a WebSocket as browsers have it. The package `ws` has one, too. */
export type WebSocketClass = new (
  url: string,
  protocols?: string[],
) => {
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** What the client uses of a WebSocket. */
export interface Socket {
  binaryType: string
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: ((event: { readonly message?: string }) => void) | null
  send(data: string): void
  close(code?: number): void
  /** Only of `ws`. */
  on?(event: 'unexpected-response', listener: (request: unknown, response: HttpResponse) => void): void
  terminate?(): void
}

export interface HttpResponse {
  readonly statusCode?: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  on(event: string, listener: (chunk?: unknown) => void): void
}

/** Time that only moves on, in ms, and timers. */
export interface Time {
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

export const SYSTEM_TIME: Time = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as number),
}

/** As `sessionStorage` has it. */
export interface Storage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

export type GetToken = () => string | Promise<string>

export function webSocketOf(given: WebSocketClass | undefined): WebSocketClass {
  const found = given ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket
  if (found !== undefined) return found
  throw new TypeError('there is no global WebSocket: pass that of the package ws as an option')
}
