/**
 * Does: the feed sends one tick with a wild position and goes on as before. Later the feed starts its count over.
 * Must: tell each client a gap of unknown size both times, and go on.
 */
import type { Attack, Seen } from '../attack.js'

/** The wild position, and the count that starts over. */
const BROKEN_PROMISES = 2

export const positions: Attack = {
  name: 'positions',
  does: 'the feed sends a wild position, and starts its count over',
  feed: 'attack/wild-feed.js',
  isOneLong: true,
  faults,
}

function faults({ clients, ticksMade }: Seen): string[] {
  const { missed, unknownLosses, witnesses } = clients
  const found: string[] = []
  if (unknownLosses < BROKEN_PROMISES)
    found.push(`a client was told of ${unknownLosses} losses of unknown size, not of ${BROKEN_PROMISES}`)
  for (const [reason, ticks] of Object.entries(missed))
    if (ticks / witnesses > ticksMade)
      found.push(`a gap (${reason}) told of more missing ticks than the ${ticksMade} that the feed made`)
  return found
}
