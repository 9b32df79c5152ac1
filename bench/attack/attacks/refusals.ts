/**
 * Does: 20 clients send the dearest commands that are refused, as fast as they may without being closed, and sometimes
 * faster. A client that is closed connects again.
 * Must: go on as before.
 */
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 20
/** 100 commands a second: the gateway parses half of them, and refuses the other half unparsed. */
const BEAT_MS = 20
const COMMANDS_PER_BEAT = 2
/** After these beats a client sends more than it may, and is closed. */
const FLOOD_AFTER_BEATS = 250
const FLOOD_PER_BEAT = 50
/** Symbols that fit into a message of 16 KiB. */
const MANY = 1500

const many = (symbol: string): string => `[${new Array<string>(MANY).fill(JSON.stringify(symbol)).join(',')}]`
const COMMANDS: readonly string[] = [
  // Faults: no symbol; not subscribed; not an interval; unknown type; not JSON; no id.
  `{"type":"subscribe","id":1,"symbols":${many('')}}`,
  `{"type":"unsubscribe","id":2,"symbols":${many('NONE2')}}`,
  '{"type":"subscribe","id":3,"symbols":["NONE3"],"delivery":"latest","interval":-1}',
  `{"type":"halt","id":4,"symbols":${many('NONE4')}}`,
  `"${'x'.repeat(12_000)}`,
  `{"type":"list","symbols":${many('NONE6')}}`,
]

export const refusals: Attack = {
  name: 'refusals',
  does: `refused commands from ${CLIENTS} clients, as fast as they may and faster`,
  run,
}

/** One client, which connects again whenever it is closed. */
class Nuisance {
  sent = 0
  connections = 0
  private client: CommandClient | undefined
  private isConnecting = false
  private beats = 0

  constructor(private readonly port: number) {}

  beat(): void {
    if (this.client === undefined || this.client.connection.isClosed) {
      void this.comeBack()
      return
    }
    const count = this.beats++ < FLOOD_AFTER_BEATS ? COMMANDS_PER_BEAT : FLOOD_PER_BEAT
    const texts = Array.from({ length: count }, () => COMMANDS[this.sent++ % COMMANDS.length]!)
    this.client.send(...texts)
  }

  end(): void {
    this.client?.connection.end()
  }

  async comeBack(): Promise<void> {
    if (this.isConnecting) return
    this.isConnecting = true
    this.client?.connection.end()
    this.client = await CommandClient.connect({ port: this.port, query: '?symbols=NONE' }).catch(
      () => undefined,
    )
    this.beats = 0
    this.connections++
    this.isConnecting = false
  }
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const all = Array.from({ length: CLIENTS }, () => new Nuisance(port))
  await Promise.all(all.map(nuisance => nuisance.comeBack()))
  const rounds = new Rounds(seconds)
  do for (const nuisance of all) nuisance.beat()
  while (await rounds.next(BEAT_MS))
  for (const nuisance of all) nuisance.end()
  const sum = (of: (nuisance: Nuisance) => number): number => all.reduce((total, its) => total + of(its), 0)
  return {
    done: `${sum(({ sent }) => sent)} commands over ${sum(({ connections }) => connections)} connections`,
    violations: [],
  }
}
