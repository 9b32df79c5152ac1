/**
 * The least a task can do with a tick: the far end of the Piscina baseline. A worker thread.
 */

export default function task(tick: Uint8Array): number {
  return tick[tick.length - 1]!
}
