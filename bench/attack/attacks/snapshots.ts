/**
 * Does: one client subscribes to prefixes with snapshots, where the feed has 5,000 symbols, 46 times a second.
 * Must: do or refuse each command, keep this client, and go on as before.
 */
import type { Attack } from '../attack.js'
import { change, changeOften } from '../changing-clients.js'

const SYMBOLS = 5000
/** Every second one covers all symbols, each of the others a fifth of them. */
const PREFIXES = ['S*', 'SYM0*', 'SY*', 'SYM1*', 'SYM*', 'SYM2*']

export const snapshots: Attack = {
  name: 'snapshots',
  does: `a client changes prefixes with snapshots of ${SYMBOLS} symbols, as often as it may`,
  symbols: SYMBOLS,
  rssMiBMax: 400,
  run: target => changeOften(target, { clients: 1, commands }),
}

const commands = PREFIXES.flatMap(prefix => [
  change('subscribe', [prefix], ',"snapshot":true'),
  change('unsubscribe', [prefix]),
])
