/**
 * Does: 10 clients subscribe to 861 prefixes of twenty lengths and unsubscribe from them, 46 times a second.
 * Must: do or refuse each command, keep these clients, and go on as before.
 */
import type { Attack } from '../attack.js'
import { change, changeOften } from '../changing-clients.js'

const CLIENTS = 10
const COUNT = 861
const OF_THE_FEED = 10
const LENGTHS = 20

export const prefixes: Attack = {
  name: 'prefixes',
  does: `${CLIENTS} clients change ${COUNT} prefixes, as often as they may`,
  rssMiBMax: 400,
  run: target => changeOften(target, { clients: CLIENTS, commands }),
}

const entries = Array.from({ length: COUNT }, (_, index) => prefix(String(index).padStart(3, '0'), index))
const commands = [change('subscribe', entries), change('unsubscribe', entries)]

/** No prefix covers another one: the gateway would leave out the longer one. The first ones are of symbols of the feed. */
function prefix(number: string, index: number): string {
  return index < OF_THE_FEED ? `SYM${number}*` : `${number}${'X'.repeat(index % LENGTHS)}*`
}
