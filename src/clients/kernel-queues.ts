/**
 * The bytes of TCP connections that the kernel holds: one end has sent them, the other end has not taken them. Main
 * thread. From Linux's tables, https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html. Other systems
 * report nothing. docs/decisions/0024-progress-in-the-kernel.md says why these numbers are needed.
 */
import { readFile } from 'node:fs/promises'

/** The second table also has IPv4 clients of a server that listens at an IPv6 address. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']
/** Begins an IPv4 address in the second table. */
const MAPPED_PREFIX = '0000000000000000FFFF0000'
const ESTABLISHED = '01'
const NOTHING = '00000000'

// An entry has a number, the local and the remote end, state, queues, and fields of fixed width up to the user's id.
const PORT_LENGTH = ':0016'.length
const STATE_LENGTH = '01 '.length
const QUEUE_LENGTH = '00000000:'.length
const TIMERS_LENGTH = '00000000 00:00000000 00000000'.length

interface Ends {
  readonly local: string
  readonly remote: string
  /** Bytes that were sent and that the remote end has not acknowledged. */
  readonly unacknowledged: number
}

export class KernelQueues {
  private readonly tables: readonly string[]
  /** For each table: the start of a connection's entry, by inode. */
  private readonly starts: readonly Map<number, number>[]
  /** Bytes that were received and not read, by local and remote end. */
  private readonly unread = new Map<string, number>()

  /** @param tables the text of the system's tables */
  constructor(tables: readonly string[]) {
    this.tables = tables
    this.starts = tables.map(table => this.index(table))
  }

  /** Never rejects: a table that cannot be read counts as empty. */
  static async read(): Promise<KernelQueues> {
    return new KernelQueues(await Promise.all(TABLES.map(table => readFile(table, 'latin1').catch(() => ''))))
  }

  /**
   * Bytes that were sent and that the remote end has not taken; 0 when nothing is known. A remote machine has taken
   * what it has acknowledged. A process of this machine, such as a proxy, has taken what it has read.
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

  /** Reads only a few characters of each entry: there may be many thousands. */
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

/** Address and port, written in the same way for both tables. */
function end(text: string): string {
  return text.startsWith(MAPPED_PREFIX) ? text.slice(MAPPED_PREFIX.length) : text
}

/** The last of three numbers. Spaces precede each. */
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
