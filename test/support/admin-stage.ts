/** A handler of a test behind a real admin server, with its dashboard. */
import { AdminGuard } from '../../src/admin/admin-guard.js'
import { AdminServer } from '../../src/admin/admin-server.js'
import { GatewayState } from '../../src/app/gateway-state.js'
import { ClientServer } from '../../src/clients/client-server.js'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'
import { readPage } from '../../src/common/web-pages.js'
import { ProcessWatch } from '../../src/metrics/process-watch.js'
import { RecentEvents } from '../../src/metrics/recent-events.js'
import type { TickSource } from '../../src/sources/tick-source.js'
import { HandlerServer } from './handler-server.js'

const LIVE: Pick<TickSource, 'status'> = {
  status: () => ({ state: 'live', reconnects: 0, lastError: undefined }),
}

export interface AdminStageOptions {
  readonly laneFile?: string
  readonly token?: string
}

export class AdminStage {
  readonly server: HandlerServer
  readonly url: string
  private readonly admin: AdminServer
  private readonly watch: ProcessWatch

  private constructor(server: HandlerServer, admin: AdminServer, watch: ProcessWatch, port: number) {
    this.server = server
    this.admin = admin
    this.watch = watch
    this.url = `http://127.0.0.1:${port}/`
  }

  static async start({ laneFile, token }: AdminStageOptions = {}): Promise<AdminStage> {
    const log = new RecentEvents({ log: silentLog, clock: systemClock, process: 1 })
    const server = await HandlerServer.start({}, laneFile === undefined ? { log } : { log, laneFile })
    const watch = new ProcessWatch({ clock: systemClock, filesMax: Number.POSITIVE_INFINITY })
    const clientServer = new ClientServer({
      host: '127.0.0.1',
      port: 0,
      handleUpgrade: () => false,
      pendingMax: 1,
      clock: systemClock,
      log,
    })
    const state = new GatewayState(
      () => ({
        events: log,
        handler: server.handler as never,
        isStopping: false,
        loader: undefined,
        refusedEarly: 0,
        server: clientServer,
        source: LIVE as TickSource,
        sourceName: 'ticks of a test',
        watch,
      }),
      { clock: systemClock, drain: () => {}, process: 1 },
    )
    const guard = new AdminGuard({ host: '127.0.0.1', names: [], token: () => token })
    const view = state.view()
    const admin = new AdminServer({
      host: '127.0.0.1',
      port: 0,
      view,
      page: readPage('dashboard'),
      guard,
      clock: systemClock,
      log,
    })
    return new AdminStage(server, admin, watch, (await admin.listen()).port)
  }

  async closeAdmin(): Promise<void> {
    await this.admin.close()
  }

  async stop(): Promise<void> {
    this.watch.stop()
    await this.server.stop()
    await this.closeAdmin()
  }
}
