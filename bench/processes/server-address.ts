/**
 * Where a server listens: as its log says, or, of a gateway that logs nothing, where it was told to.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, ChildEnded } from './child.js'
import { freePort } from './free-port.js'

const READY_MS_MAX = 30_000
const LOOK_MS = 50

/** Ports that a gateway is given. */
export interface Ports {
  readonly port: number
  readonly adminPort: number
}

export async function freePorts(): Promise<Ports> {
  return { port: await freePort(), adminPort: await freePort() }
}

/** Of a gateway that logs nothing, and so cannot say its ports. */
export function quietSettings({ adminPort, port }: Ports): string[] {
  return ['--log-level=silent', `--port=${port}`, `--admin-port=${adminPort}`]
}

export class ServerAddress {
  private readonly server: Child
  private readonly ports: Ports | undefined

  /** @param ports undefined: the log says where the server listens */
  constructor(server: Child, ports: Ports | undefined) {
    this.server = server
    this.ports = ports
  }

  /** @throws ChildEnded */
  async webSocketUrl(): Promise<string> {
    if (this.ports === undefined) return await this.server.told('webSocketUrl')
    await this.untilReady()
    return `ws://127.0.0.1:${this.ports.port}/ws/ticks`
  }

  /** Of a gateway. @throws ChildEnded */
  async adminUrl(): Promise<string> {
    if (this.ports === undefined) return await this.server.told('adminUrl')
    return `http://127.0.0.1:${this.ports.adminPort}`
  }

  private async untilReady(): Promise<void> {
    const url = `${await this.adminUrl()}/readyz?verbose`
    const deadlineMs = performance.now() + READY_MS_MAX
    for (;;) {
      const answer = await fetch(url).catch(() => undefined)
      await answer?.arrayBuffer()
      if (answer?.ok) return
      if (this.server.exit !== undefined || performance.now() > deadlineMs)
        throw new ChildEnded('the gateway does not become ready')
      await sleep(LOOK_MS)
    }
  }
}
