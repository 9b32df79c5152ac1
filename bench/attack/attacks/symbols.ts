/**
 * Does: 20 clients name symbols that are not well-formed Unicode, and that would all be the same symbol in UTF-8, as
 * often as they may.
 * Must: refuse each of them, and accept the well-formed symbol that looks the same.
 */
import type { SubscribedMessage } from '../../../src/protocol/messages.js'
import { AMPLE_WORK, type Attack, type AttackReport, type Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 20
const PER_SECOND = 45
/** Written as in JSON: halves of surrogate pairs, and the character that replaces them in UTF-8. */
const COMMANDS = [
  '"symbols":["CAF\\udc00"],"snapshot":true',
  '"symbols":["\\ud800","\\ud801","\\ufffd"],"snapshot":true',
]

export const symbols: Attack = {
  name: 'symbols',
  does: `subscribes to strings that are no Unicode, from ${CLIENTS} clients`,
  settings: () => AMPLE_WORK,
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  let answers = 0
  let refused = 0
  const accepted = new Set<string>()
  const read = ({ symbols: done, refused: notDone = [] }: SubscribedMessage): void => {
    answers++
    refused += notDone.length
    // JSON.parse keeps the halves. UTF-8 cannot hold them.
    const wellFormed = done.filter(symbol => symbol === '\ufffd')
    if (done.length > wellFormed.length || wellFormed.length > 1) accepted.add(JSON.stringify(done))
  }
  const connect = (): Promise<CommandClient> =>
    CommandClient.connect({
      port,
      query: '?symbols=NONE',
      onMessage: message => {
        if (message.type === 'subscribed' && message.id !== undefined) read(message)
        else if (message.type === 'error') answers++
      },
    })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, connect))
  const rounds = new Rounds(seconds)
  let sent = 0
  for (let round = 0; await rounds.next(1000 / PER_SECOND); round++) {
    const type = round % 4 < 2 ? 'subscribe' : 'unsubscribe'
    const symbolsOnly = COMMANDS[round % 2]!.replace(type === 'subscribe' ? '' : ',"snapshot":true', '')
    for (const client of clients) client.send(`{"type":"${type}","id":${round},${symbolsOnly}}`)
    sent += clients.length
  }
  const closed = clients.filter(({ connection }) => connection.isClosed).length
  for (const { connection } of clients) connection.end()
  const violations = [...accepted].map(list => `it took ${list} for symbols`)
  if (answers === 0) violations.push('no command was answered')
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  return { done: `${sent} commands, ${refused} symbols refused`, violations }
}
