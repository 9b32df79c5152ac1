/**
 * Does: 100 clients send valid compressed commands of 16 KiB, each as often as it may. Compressed they have 150 bytes.
 * Must: go on as before, and close no client.
 */
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { Rounds } from '../rounds.js'

const CLIENTS = 100
const PER_SECOND = 45
const MESSAGE_BYTES = 16 * 1024
const SYMBOL = '"NONE"'

export const inflation: Attack = {
  name: 'inflation',
  does: `compressed commands of ${MESSAGE_BYTES} bytes from ${CLIENTS} clients, each as often as it may`,
  settings: () => ['--compression=true'],
  // The address is in debt when the attack ends, and could not connect for another one.
  isOneLong: true,
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  let replies = 0
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      CommandClient.connect({
        port,
        query: '?symbols=NONE',
        deflate: true,
        onMessage: message => {
          if ('id' in message) replies++
        },
      }),
    ),
  )
  const rounds = new Rounds(seconds)
  const [head, tail] = ['{"type":"subscribe","id":1,"symbols":[', ']}']
  const count = Math.floor((MESSAGE_BYTES - head.length - tail.length) / (SYMBOL.length + 1))
  const frame = CommandClient.compressedFrame(`${head}${new Array<string>(count).fill(SYMBOL)}${tail}`)
  let sent = 0
  while (await rounds.next(1000 / PER_SECOND)) {
    for (const { connection } of clients) connection.send(frame)
    sent += clients.length
  }
  const closed = clients.filter(({ connection }) => connection.isClosed).length
  for (const { connection } of clients) connection.end()
  const violations: string[] = []
  if (closed > 0) violations.push(`${closed} clients were closed for it`)
  if (replies === 0) violations.push('no command got a reply')
  return { done: `${sent} commands of ${frame.length} bytes, ${replies} replies`, violations }
}
