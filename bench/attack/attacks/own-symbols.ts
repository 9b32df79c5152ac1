/**
 * Does: 20 clients subscribe to 1,000 symbols each that nobody else names, and replace all of them, as often as they may.
 * Must: go on as before, and close no client.
 */
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 20
const PER_SECOND = 45
const SYMBOLS = 1000

export const ownSymbols: Attack = {
  name: 'own-symbols',
  does: `${CLIENTS} clients replace ${SYMBOLS} symbols that nobody else names, as often as they may`,
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  let changes = 0
  let refused = 0
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      CommandClient.connect({
        port,
        query: '?symbols=NONE',
        onMessage: ({ type }) => {
          if (type === 'error') refused++
          else changes++
        },
      }),
    ),
  )
  const commands = clients.map((_, client) => [command('subscribe', client), command('unsubscribe', client)])
  const rounds = new Rounds(seconds)
  for (let round = 0; await rounds.next(1000 / PER_SECOND); round++)
    for (const [index, client] of clients.entries()) client.send(commands[index]![round % 2]!)
  const closed = clients.filter(({ connection }) => connection.isClosed).length
  for (const { connection } of clients) connection.end()
  const violations: string[] = []
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  if (changes <= clients.length) violations.push('no change was made')
  return { done: `${changes - clients.length} changes, ${refused} refused`, violations }
}

function command(type: string, client: number): string {
  const symbols = Array.from({ length: SYMBOLS }, (_, index) => `O${client}X${index}`)
  return JSON.stringify({ type, id: 1, symbols })
}
