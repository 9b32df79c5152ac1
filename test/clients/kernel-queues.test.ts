import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { KernelQueues } from '../../src/clients/kernel-queues.js'
import { inodeOf } from '../../src/common/socket-handle.js'
import { KernelReader } from '../support/kernel-reader.js'

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const HEAD_6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n`

interface Entry {
  readonly number?: number
  readonly local?: string
  readonly remote?: string
  readonly state?: string
  readonly queues?: string
  readonly inode: number
}

/** As https://github.com/torvalds/linux/blob/master/net/ipv4/tcp_ipv4.c writes it. */
function entry({ number = 0, local, remote, state = '01', queues, inode }: Entry): string {
  const ends = `${local ?? '0100007F:1F90'} ${remote ?? '0100007F:C001'}`
  const numbers = `${'0'.padStart(5)} ${'0'.padStart(8)} ${inode}`
  const line = `${String(number).padStart(4)}: ${ends} ${state} ${queues ?? '00000000:00000000'} 00:00000000 00000000 ${numbers} 1 0000000058923841 20 4 30 10 -1`
  return `${line.padEnd(149)}\n`
}

describe('the untaken bytes of a connection', () => {
  it('are the bytes that the remote end has not acknowledged', () => {
    const queues = new KernelQueues([
      HEAD + entry({ inode: 7, queues: '0000ABCD:00000000' }) + entry({ number: 12_345, inode: 8 }),
      '',
    ])
    expect([7, 8, 9].map(inode => queues.untaken(inode))).toEqual([0xabcd, 0, 0])
  })

  it('include the bytes that a remote end on this machine has not read', () => {
    const [server, client] = ['0100007F:1F90', '0100007F:C001']
    const queues = new KernelQueues([
      HEAD +
        entry({ inode: 7, local: server, remote: client, queues: '00000010:00000003' }) +
        entry({ number: 10_000, inode: 8, local: client, remote: server, queues: '00000000:00000200' }),
    ])
    expect(queues.untaken(7)).toBe(0x210)
    expect(queues.untaken(8)).toBe(3)
  })

  it('are found for a client over IPv4 and a server over IPv6', () => {
    const mapped = '0000000000000000FFFF0000'
    const [server, client] = ['0100007F:1F90', '0100007F:C001']
    const queues = new KernelQueues([
      HEAD + entry({ inode: 8, local: client, remote: server, queues: '00000000:00000200' }),
      HEAD_6 +
        entry({ inode: 7, local: mapped + server, remote: mapped + client, queues: '00000010:00000000' }),
    ])
    expect(queues.untaken(7)).toBe(0x210)
  })

  it('are 0 for a socket that listens and for a connection that ends', () => {
    const queues = new KernelQueues([
      HEAD +
        entry({ inode: 7, state: '0A', queues: '00000080:00000003' }) +
        entry({ inode: 0, state: '06', queues: '00000010:00000000' }),
    ])
    expect([queues.untaken(7), queues.untaken(0)]).toEqual([0, 0])
  })
})

describe.skipIf(!existsSync('/proc/self/net/tcp'))('the tables of this machine', () => {
  const opened: { destroy(): unknown }[] = []

  afterEach(() => {
    for (const each of opened.splice(0)) each.destroy()
  })

  it.each(['127.0.0.1', '::'])(
    'tell of a connection to a server at %s how much the client has read',
    async host => {
      const server = createServer()
      server.listen(0, host)
      await once(server, 'listening')
      opened.push({ destroy: () => server.close() })
      const connecting = KernelReader.open((server.address() as AddressInfo).port)
      const [socket] = (await once(server, 'connection')) as [Socket]
      const reader = await connecting
      opened.push(socket, reader)
      const untaken = async () => (await KernelQueues.read()).untaken(inodeOf(socket))
      expect(await untaken()).toBe(0)
      socket.write(Buffer.alloc(100_000))
      // What is on its way is counted at both ends until it is acknowledged.
      while ((await untaken()) !== 100_000);
      expect(reader.take(30_000)).toHaveLength(30_000)
      expect(await untaken()).toBe(70_000)
    },
  )
})
