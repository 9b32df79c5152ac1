/**
 * Does: 10 clients subscribe to 861 prefixes of four lengths and unsubscribe from them, 46 times a second.
 * Must: do or refuse each command, keep these clients, and go on as before.
 */
import type { Attack } from '../attack.js'
import { change, changeOften } from '../changing-clients.js'

const CLIENTS = 10
const COUNT = 861

export const prefixes: Attack = {
  name: 'prefixes',
  does: `${CLIENTS} clients change ${COUNT} prefixes, as often as they may`,
  rssMiBMax: 400,
  run: target => changeOften(target, { clients: CLIENTS, commands }),
}

const entries = ['S*', 'SY*', 'SYM*', ...digits(1), ...digits(2), ...digits(3)].slice(0, COUNT)
const commands = [change('subscribe', entries), change('unsubscribe', entries)]

/** The prefixes of symbols with so many digits. */
function digits(count: number): string[] {
  return Array.from({ length: 10 ** count }, (_, index) => `SYM${String(index).padStart(count, '0')}*`)
}
