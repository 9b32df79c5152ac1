/** What the admin server answers with. Any thread. Pure. */

export interface AdminReply {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export function jsonReply(status: number, value: unknown): AdminReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}

/** @param message says what would be right */
export function errorReply(status: number, error: string, message?: string): AdminReply {
  return jsonReply(status, { error, message })
}
