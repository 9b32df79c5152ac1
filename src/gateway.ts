/**
 * Stands in for the gateway until it is there: an admin server that is always ready. Main thread.
 */
import { AdminServer } from './admin/admin-server.js'
import type { Config } from './config.js'
import type { RingcastError } from './errors.js'
import type { Log } from './log.js'

export class Gateway {
  /** Resolves with the error that makes going on useless; otherwise never. */
  readonly failed: Promise<RingcastError> = new Promise(() => {})
  readonly #config: Config
  readonly #admin: AdminServer

  constructor(config: Config, log: Log) {
    this.#config = config
    this.#admin = new AdminServer({
      host: config.adminHost,
      port: config.adminPort,
      log,
      view: { metrics: () => ({}), isLive: () => true, readiness: () => ({ ready: true, checks: {} }) },
    })
  }

  async start(): Promise<{ webSocketUrl: string; adminUrl: string; feed: string }> {
    const { host, port } = await this.#admin.listen()
    const { host: webSocketHost, port: webSocketPort, upstream } = this.#config
    return {
      webSocketUrl: `ws://${webSocketHost}:${webSocketPort}/ws/ticks`,
      adminUrl: `http://${host}:${port}`,
      feed: upstream ?? 'embedded',
    }
  }

  stop(): Promise<void> {
    return this.#admin.close()
  }
}
