/**
 * Which lane a client goes to, for as long as it is connected. Main thread.
 */
import type { LaneLink } from '../fanout/lane-link.js'

/**
 * A lane that has the client's audience already, since its bytes are made there anyway; otherwise the one with the fewest
 * audiences. Overloaded lanes only if all are.
 *
 * @param links at least one; of several that are as good the first is chosen
 */
export function chooseLane(
  links: readonly LaneLink[],
  hasAudience: (link: LaneLink) => boolean,
  isOverloaded: (link: LaneLink) => boolean,
): LaneLink {
  const able = links.filter(link => !isOverloaded(link))
  const candidates = able.length > 0 ? able : links
  return (
    candidates.find(hasAudience) ??
    candidates.reduce((best, link) => (link.audiences.size < best.audiences.size ? link : best))
  )
}
