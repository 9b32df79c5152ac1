/**
 * What the kernel holds of TCP connections: bytes that it has taken from one end and that the other end has not. Main thread.
 * Read from Linux's tables of sockets, https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html; elsewhere nothing is known.
 * A kernel asks for more when a third of its buffer is free, which are 1.4 MB on the loopback: a client that reads 100 KB/s takes nothing
 * from Node for 14 s. What its end has acknowledged is all that tells it from one that does not read.
 */
import { readFile } from 'node:fs/promises'

/** A client over IPv4 stands in the second one where the server listens at an IPv6 address. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']
/** Of an IPv4 address in the second one. */
const MAPPED_PREFIX = '0000000000000000FFFF0000'
const ESTABLISHED = '01'
const NOTHING = '00000000'

// An entry: its number, the local and the remote end, state, queues, and further fields of fixed width up to the user's id.
const PORT_LENGTH = ':0016'.length
const STATE_LENGTH = '01 '.length
const QUEUE_LENGTH = '00000000:'.length
const TIMERS_LENGTH = '00000000 00:00000000 00000000'.length

interface Ends {
  readonly local: string
  readonly remote: string
  /** Bytes that the remote end has not acknowledged. */
  readonly unacknowledged: number
}

export class KernelQueues {
  private readonly tables: readonly string[]
  /** Where the entry of a connection begins. */
  private readonly starts: readonly Map<number, number>[]
  /** Bytes that have been received and not read, by local and remote end. */
  private readonly unread = new Map<string, number>()

  /** @param tables as the system writes them */
  constructor(tables: readonly string[]) {
    this.tables = tables
    this.starts = tables.map(table => this.index(table))
  }

  /** Never rejects: without tables nothing is known of any connection. */
  static async read(): Promise<KernelQueues> {
    return new KernelQueues(await Promise.all(TABLES.map(table => readFile(table, 'latin1').catch(() => ''))))
  }

  /**
   * Bytes that the kernel has taken from a connection, and its other end has not; 0 when nothing is known. Another machine has taken what
   * it has acknowledged. On this machine an end, such as a proxy, has taken what it has read: there a kernel acknowledges 128 KB at a time.
   */
  untaken(inode: number): number {
    for (const [index, starts] of this.starts.entries()) {
      const start = starts.get(inode)
      if (start === undefined) continue
      const { local, remote, unacknowledged } = endsAt(this.tables[index]!, start)
      return unacknowledged + (this.unread.get(`${remote} ${local}`) ?? 0)
    }
    return 0
  }

  /** Looks at each entry, of which there may be many thousands, at as little of it as need be. */
  private index(table: string): Map<number, number> {
    const starts = new Map<number, number>()
    const addressLength = table.includes('remote_address') ? 32 : 8
    const stateAt = 2 * (addressLength + PORT_LENGTH + 1)
    const unreadAt = stateAt + STATE_LENGTH + QUEUE_LENGTH
    const userAt = unreadAt + TIMERS_LENGTH
    for (let line = table.indexOf('\n') + 1; line > 0; line = table.indexOf('\n', line) + 1) {
      const start = table.indexOf(':', line) + 2
      if (!table.startsWith(ESTABLISHED, start + stateAt)) continue
      starts.set(thirdNumber(table, start + userAt), start)
      if (table.startsWith(NOTHING, start + unreadAt)) continue
      const { local, remote } = endsAt(table, start)
      this.unread.set(`${local} ${remote}`, Number.parseInt(table.slice(start + unreadAt), 16))
    }
    return starts
  }
}

function endsAt(table: string, start: number): Ends {
  const [local = '', remote = '', , unacknowledged = ''] = table.slice(start, start + 100).split(' ', 4)
  return { local: end(local), remote: end(remote), unacknowledged: Number.parseInt(unacknowledged, 16) }
}

/** An address and a port, the same in both tables. */
function end(text: string): string {
  return text.startsWith(MAPPED_PREFIX) ? text.slice(MAPPED_PREFIX.length) : text
}

/** The last of three numbers with spaces before each. */
function thirdNumber(text: string, start: number): number {
  let position = start
  let number = 0
  for (let count = 0; count < 3; count++) {
    number = 0
    while (text.charCodeAt(position) === 32) position++
    for (let code = text.charCodeAt(position); code >= 48 && code <= 57; code = text.charCodeAt(++position))
      number = number * 10 + code - 48
  }
  return number
}
