/**
 * The smallest task for a tick: the receiver of the Piscina baseline. A worker thread.
 */

export default function task(tick: Uint8Array): number {
  return tick[tick.length - 1]!
}
