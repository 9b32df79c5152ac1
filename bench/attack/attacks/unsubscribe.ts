/**
 * Does: 20 clients subscribe to X, subscribe to A with a snapshot, and unsubscribe from A, in one write, as often as
 * they may.
 * Must: send nothing of A after `unsubscribed`.
 */
import type { ServerMessage } from '../../../src/protocol/messages.js'
import { symbolName } from '../../processes/steady-ticks.js'
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 20
/** Each write holds three commands. */
const WRITES_PER_SECOND = 15
const [A, X] = [symbolName(0), symbolName(1)]

export const unsubscribe: Attack = {
  name: 'unsubscribe',
  does: `subscribes and unsubscribes in one write, from ${CLIENTS} clients`,
  run,
}

/** The state of one client's subscription to A. */
class Ledger {
  answers = 0
  late = 0
  private hasA = false

  read(message: ServerMessage): void {
    if (message.type === 'subscribed' && message.symbols.includes(A)) this.hasA = true
    if (message.type === 'unsubscribed') {
      this.answers++
      if (message.symbols.includes(A)) this.hasA = false
    }
    if (message.type !== 'ticks' && message.type !== 'snapshot') return
    if (!this.hasA && message.ticks.some(({ symbol }) => symbol === A)) this.late++
  }
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const ledgers = Array.from({ length: CLIENTS }, () => new Ledger())
  const clients = await Promise.all(
    ledgers.map(ledger =>
      CommandClient.connect({ port, query: '?symbols=NONE', onMessage: message => ledger.read(message) }),
    ),
  )
  const rounds = new Rounds(seconds)
  let id = 0
  while (await rounds.next(1000 / WRITES_PER_SECOND)) {
    for (const client of clients)
      client.send(
        `{"type":"subscribe","id":${++id},"symbols":["${X}"]}`,
        `{"type":"subscribe","id":${++id},"symbols":["${A}"],"snapshot":true}`,
        `{"type":"unsubscribe","id":${++id},"symbols":["${A}"]}`,
      )
  }
  const closed = clients.filter(({ connection }) => connection.isClosed).length
  for (const { connection } of clients) connection.end()
  const sum = (of: (ledger: Ledger) => number): number => ledgers.reduce((total, its) => total + of(its), 0)
  const late = sum(its => its.late)
  const violations: string[] = []
  if (late > 0) violations.push(`${late} messages had ticks of a symbol after unsubscribed`)
  if (ledgers.some(({ answers }) => answers === 0)) violations.push('some clients were not answered')
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  return { done: `${id / 3} writes, ${sum(its => its.answers)} answers`, violations }
}
