/**
 * Which lane a client goes to, for as long as it is connected. Main thread.
 */
import type { LaneStream } from '../fanout/lane-stream.js'

/**
 * A lane that has the client's audience already, since its bytes are made there anyway; otherwise the one with the fewest
 * audiences. Overloaded lanes only if all are.
 *
 * @param streams at least one; of several that are as good the first is chosen
 */
export function chooseLane(
  streams: readonly LaneStream[],
  hasAudience: (stream: LaneStream) => boolean,
  isOverloaded: (stream: LaneStream) => boolean,
): LaneStream {
  const able = streams.filter(stream => !isOverloaded(stream))
  const candidates = able.length > 0 ? able : streams
  return (
    candidates.find(hasAudience) ??
    candidates.reduce((best, stream) => (stream.audiences.size < best.audiences.size ? stream : best))
  )
}
