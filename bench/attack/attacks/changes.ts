/**
 * Does: 50 clients subscribe to 900 symbols of the feed and unsubscribe from them, 46 times a second.
 * Must: do or refuse each command, keep these clients, and go on as before.
 */
import { symbolName } from '../../processes/steady-ticks.js'
import type { Attack } from '../attack.js'
import { change, changeOften } from '../changing-clients.js'

const CLIENTS = 50
const SYMBOLS = 900

export const changes: Attack = {
  name: 'changes',
  does: `${CLIENTS} clients change ${SYMBOLS} symbols, as often as they may`,
  symbols: SYMBOLS,
  rssMiBMax: 400,
  run: target => changeOften(target, { clients: CLIENTS, commands }),
}

const entries = Array.from({ length: SYMBOLS }, (_, index) => symbolName(index))
const commands = [change('subscribe', entries), change('unsubscribe', entries)]
