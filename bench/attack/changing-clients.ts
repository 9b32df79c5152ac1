/**
 * Attackers that change their subscriptions again and again, each as often as a client may send. Attacker's process.
 * Each client has an audience of its own, because it also subscribes to a symbol that no other client names.
 */
import type { ServerMessage } from '../../src/protocol/messages.js'
import type { AttackReport, Target } from './attack.js'
import { CommandClient, type CommandClientOptions } from './command-client.js'
import { Rounds } from './rounds.js'

/** The gateway allows 50. */
const PER_SECOND = 46
/** A client with so many unsent bytes sends nothing: the gateway reads its commands no faster. */
const UNSENT_BYTES_MAX = 64 * 1024
/** By these codes the gateway refuses a command that costs it too much now. */
const PROTECTIVE = ['too_many_commands', 'overload']

export interface Changes {
  readonly clients: number
  /** The fields of the commands beside `id`, which each client sends in turn. */
  readonly commands: readonly string[]
}

interface Counts {
  sent: number
  done: number
  refused: number
  readonly wrongCodes: Set<string>
}

/** Changes subscriptions for the target's seconds. */
export async function changeOften(
  { port, seconds }: Pick<Target, 'port' | 'seconds'>,
  { clients: count, commands }: Changes,
): Promise<AttackReport> {
  const counts: Counts = { sent: 0, done: 0, refused: 0, wrongCodes: new Set() }
  const onMessage = (message: ServerMessage): void => read(message, counts)
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => letIn({ port, query: `?symbols=NONE${index}`, onMessage })),
  )
  const rounds = new Rounds(seconds)
  for (let round = 0; await rounds.next(1000 / PER_SECOND); round++) {
    const text = `{"id":${round},${commands[round % commands.length]}}`
    for (const client of clients) {
      if (client.connection.unsentBytes > UNSENT_BYTES_MAX) continue
      client.send(text)
      counts.sent++
    }
  }
  const closed = clients.filter(({ connection }) => connection.isClosed).length
  for (const { connection } of clients) connection.end()
  return { done: summary(counts), violations: violationsOf(counts, closed) }
}

/** Connects a client. The address may first have to pay for the commands of the round before. */
async function letIn(options: CommandClientOptions): Promise<CommandClient> {
  for (;;) {
    try {
      return await CommandClient.connect(options)
    } catch (error) {
      // The gateway refuses late, so this loop needs no pause.
      if (!String(error).includes(' 429 ')) throw error
    }
  }
}

/** The fields of a command that names these entries. */
export function change(type: 'subscribe' | 'unsubscribe', entries: readonly string[], more = ''): string {
  return `"type":"${type}","symbols":${JSON.stringify(entries)}${more}`
}

function read(message: ServerMessage, counts: Counts): void {
  if (message.type === 'error') {
    counts.refused++
    if (!PROTECTIVE.includes(message.code)) counts.wrongCodes.add(message.code)
  } else if (message.type === 'subscribed' || message.type === 'unsubscribed') {
    if (message.id !== undefined) counts.done++
  }
}

function summary({ done, refused, sent }: Counts): string {
  return `${sent} commands, ${done} done and ${refused} refused`
}

function violationsOf({ done, wrongCodes }: Counts, closed: number): string[] {
  const violations = [...wrongCodes].map(code => `a legal command was refused with ${code}`)
  if (done === 0) violations.push('no command was done')
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  return violations
}
