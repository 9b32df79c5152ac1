/**
 * Does: sends commands whose fields are arrays in arrays. A few are 4,200 levels deep, in each field, compressed and
 * plain. Many are less deep, from 20 clients, each as often as it may send.
 * Must: answer each command with an error.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AMPLE_WORK, type Attack, type AttackReport, type Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const DEPTH = 4200
const SHALLOW_DEPTH = 2000
const CLIENTS = 20
const PER_SECOND = 45
const DEEP_EVERY_MS = 100
const ANSWER_MS = 2000

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

/** One text for each field of a command, and one that is not an object. */
const COMMANDS: readonly ((value: string) => string)[] = [
  value => `{"id":${value}}`,
  value => `{"id":1,"type":${value}}`,
  value => `{"id":1,"type":"subscribe","symbols":${value}}`,
  value => `{"id":1,"type":"subscribe","symbols":["A"],"delivery":${value}}`,
  value => `{"id":1,"type":"subscribe","symbols":["A"],"delivery":"latest","interval":${value}}`,
  value => `{"id":1,"type":"subscribe","symbols":["A"],"snapshot":${value}}`,
  value => value,
]

export const nesting: Attack = {
  name: 'nesting',
  does: `commands with arrays ${DEPTH} deep in each field, compressed and not; and ${CLIENTS} clients with less deep ones`,
  settings: () => ['--compression=true', ...AMPLE_WORK],
  run,
}

async function run(target: Target): Promise<AttackReport> {
  const violations: string[] = []
  let answers = 0
  let sent = 0
  const connect = (deflate: boolean): Promise<CommandClient> =>
    CommandClient.connect({
      port: target.port,
      query: '?symbols=NONE',
      deflate,
      onMessage: ({ type }) => {
        if (type === 'error') answers++
      },
    })
  const shallow = await Promise.all(Array.from({ length: CLIENTS }, () => connect(false)))
  const [plain, compressing] = [await connect(false), await connect(true)]
  const rounds = new Rounds(target.seconds)
  const often = async (): Promise<void> => {
    for (let round = 0; await rounds.next(1000 / PER_SECOND); round++) {
      const text = COMMANDS[round % COMMANDS.length]!(nested(SHALLOW_DEPTH))
      for (const client of shallow) client.send(text)
      sent += shallow.length
    }
  }
  const deep = async (): Promise<void> => {
    for (let round = 0; await rounds.next(DEEP_EVERY_MS); round++) {
      const text = COMMANDS[round % COMMANDS.length]!(nested(DEPTH))
      plain.send(text)
      compressing.sendCompressed(text)
      sent += 2
    }
  }
  await Promise.all([often(), deep()])
  for (let waitedMs = 0; answers < sent && waitedMs < ANSWER_MS; waitedMs += 50) await sleep(50)
  if (answers < sent) violations.push(`${sent - answers} of ${sent} commands were not answered with an error`)
  const all = [...shallow, plain, compressing].map(({ connection }) => connection)
  const closed = all.filter(({ isClosed }) => isClosed).length
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  for (const connection of all) connection.end()
  return { done: `${sent} commands`, violations }
}
