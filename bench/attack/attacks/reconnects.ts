/**
 * Does: 20 clients connect with as many symbols as a URL takes, send long commands that are refused, and disconnect. Then
 * they do so again, also when they were refused.
 * Must: go on as before.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 20
/** The life of a connection, and the pause after a refusal. */
const LIFE_MS = 50
const COMMANDS = 10
/** Symbols that fit into the head of a request. */
const IN_URL = 1000
/** Symbols that fit into a message of 16 KiB. */
const IN_COMMAND = 1500

export const reconnects: Attack = {
  name: 'reconnects',
  does: `${CLIENTS} clients connect with ${IN_URL} symbols, send refused commands, and connect again`,
  run,
}

interface Counts {
  connections: number
  refused: number
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const counts: Counts = { connections: 0, refused: 0 }
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => attack(port, client, seconds, counts)))
  const { connections, refused } = counts
  return {
    done: `${connections} connections with ${connections * COMMANDS} commands, ${refused} refused`,
    violations: connections === 0 ? ['no client was let in'] : [],
  }
}

async function attack(port: number, client: number, seconds: number, counts: Counts): Promise<void> {
  const query = `?symbols=${names(client, IN_URL)}`
  const symbols = names(client + CLIENTS, IN_COMMAND)
  const text = JSON.stringify({ type: 'unsubscribe', id: 1, symbols })
  const rounds = new Rounds(seconds)
  while (!rounds.isOver) {
    const attacker = await CommandClient.connect({ port, query }).catch(() => undefined)
    if (attacker === undefined) counts.refused++
    else counts.connections++
    attacker?.send(...new Array<string>(COMMANDS).fill(text))
    await sleep(LIFE_MS)
    attacker?.connection.end()
  }
}

function names(client: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `R${client}X${index}`)
}
