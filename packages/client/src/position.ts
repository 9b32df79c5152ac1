/** A place in the stream: the offset of a tick, and the epoch that counts it. */
export interface Position {
  readonly epoch: string
  readonly offset: number
}

/** As the gateway writes and reads it: `<epoch>:<offset>`. */
export function positionText({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`
}

/** @returns undefined for a text that is no position */
export function readPosition(text: string | null | undefined): Position | undefined {
  const match = /^([\w.~-]+):(\d{1,16})$/.exec(text ?? '')
  return match === null ? undefined : { epoch: match[1]!, offset: Number(match[2]) }
}
