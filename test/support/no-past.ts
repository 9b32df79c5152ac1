/** A stream whose source keeps nothing. */
import type { PastExtent } from '../../src/clients/replay-start.js'
import type { PastClients } from '../../src/fanout/replays.js'

export const NO_PAST: PastClients = {
  canRead: () => false,
  seek: () => {},
  read: () => {},
  gone: () => {},
  sayGoodbye: () => {},
  leave: () => {},
  placeOf: () => undefined,
}

/** To clients that resume there, the log is all there is. */
export const NO_PAST_EXTENT: PastExtent = {
  canSeek: () => false,
  hasRoom: false,
  holds: () => true,
  holdsSince: () => true,
}
