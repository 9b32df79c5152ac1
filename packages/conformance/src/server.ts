/** What a case needs of its server. All that a method causes has reached the client when its promise is fulfilled. */

/** The class of a WebSocket as clients are given it. */
export type SocketClass = new (
  url: string,
  protocols?: string[],
) => {
  send(data: string): void
  close(code?: number, reason?: string): void
}

export interface ServerConnection {
  /** As the client has asked for it. */
  readonly url: string
  /** The commands that no step has named yet. */
  readonly commands: Record<string, unknown>[]
  readonly closedByClient: boolean
  accept(): Promise<void>
  send(texts: readonly string[]): Promise<void>
  /** The connection ends without a close frame. */
  drop(): Promise<void>
  /** The connection ends in the midst of a message. */
  cut(text: string): Promise<void>
  close(code: number, reason: string): Promise<void>
  /** The connection is refused with an HTTP response. @param isSeen whether the client's environment shows it */
  refuse(status: number, headers: Record<string, string>, body: string, isSeen: boolean): Promise<void>
}

export interface Server {
  readonly WebSocket: SocketClass
  /** The connections that no step has named yet. */
  readonly connections: ServerConnection[]
  /** The connection that steps talk of: the last one that was named. */
  current: ServerConnection | undefined
  /** Waits for what is under way. @returns whether something has come since it was called last */
  isMoved(): Promise<boolean>
}
