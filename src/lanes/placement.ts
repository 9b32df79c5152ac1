/**
 * Which lane a new audience goes to. Main thread.
 */
import type { LaneLink } from '../fanout/lane-link.js'

/** The lane with the fewest audiences, the first of several; `links` holds at least one. */
export function leastLoaded(links: readonly LaneLink[]): LaneLink {
  return links.reduce((best, link) => (link.audiences.size < best.audiences.size ? link : best))
}
