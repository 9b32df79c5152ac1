/**
 * Why an upgrade request is refused: an HTTP status, a code and a sentence. Main thread. Pure.
 */
import type { RequestErrorCode } from '../protocol/error-codes.js'

type RefusalStatus = 400 | 401 | 403 | 404 | 429 | 500 | 503

interface RefusalWith<Status extends RefusalStatus> {
  readonly status: Status
  readonly code: RequestErrorCode<Status>
  /** Says what is wrong and what would be right. */
  readonly message: string
}

export type Refusal =
  | RefusalWith<400>
  | RefusalWith<401>
  | RefusalWith<403>
  | RefusalWith<404>
  | RefusalWith<429>
  | RefusalWith<500>
  | RefusalWith<503>

export function badRequest(code: RequestErrorCode<400>, message: string): Refusal {
  return { status: 400, code, message }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'status' in value
}
