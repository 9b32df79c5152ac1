/**
 * Chooses the lane of a client, once for as long as the client is connected. Main thread. Pure.
 */

interface PlaceableLane {
  readonly audiences: { readonly size: number }
}

/**
 * Prefers a lane that has the client's audience already, because that lane makes the audience's bytes anyway. Otherwise
 * takes the lane with the fewest audiences. Passes over overloaded lanes, unless all lanes are overloaded.
 *
 * @param lanes at least one; of equal lanes the first is chosen
 */
export function chooseLane<Lane extends PlaceableLane>(
  lanes: readonly Lane[],
  hasAudience: (lane: Lane) => boolean,
  isOverloaded: (lane: Lane) => boolean,
): Lane {
  const able = lanes.filter(lane => !isOverloaded(lane))
  const candidates = able.length > 0 ? able : lanes
  return (
    candidates.find(hasAudience) ??
    candidates.reduce((best, lane) => (lane.audiences.size < best.audiences.size ? lane : best))
  )
}
