/** Which ends of a connection end the stream, and which are followed by another connection. */

/** The client broke a rule, or hit a bug of the gateway: coming back unchanged would end in the same way. */
const FINAL_CLOSE_CODES = [1002, 1003, 1007, 1008, 1009, 1010, 1011, 4003]
/** The token is missing, wrong or expired. */
const UNAUTHORIZED_CLOSE_CODES = [4001, 4002]

export function isFinalClose(closeCode: number): boolean {
  return FINAL_CLOSE_CODES.includes(closeCode)
}

export function isUnauthorizedClose(closeCode: number): boolean {
  return UNAUTHORIZED_CLOSE_CODES.includes(closeCode)
}

/** A request that is wrong stays wrong. A time-out, too many requests and a failing gateway pass. */
export function isFinalStatus(status: number): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 425 && status !== 429
}
