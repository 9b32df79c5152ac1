/**
 * A place in the stream: behind a tick or a loss. Any thread.
 * The serial number counts what stands in the tick log of this process, without holes. The offset is what clients see.
 */
export interface StreamPlace {
  readonly serial: number
  readonly offset: number
  /** Number of the epoch to which the offset belongs, see StreamEpoch. */
  readonly epoch: number
}
