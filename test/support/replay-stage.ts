/** Gateways in this process whose clients resume from ticks that have left the tick log. */
import type { StreamHandlerParts } from '../../src/broadcaster/handler-parts.js'
import type { StreamHandlerOptions } from '../../src/broadcaster/stream-handler.js'
import type { LiveMessage, ServerMessage } from '../../src/protocol/messages.js'
import { HandlerServer } from './handler-server.js'
import { TickClient } from './tick-client.js'

/** A client that keeps all of its messages. */
export type PastClient = TickClient & { readonly all: ServerMessage[]; readonly state: { isLive: boolean } }

export class ReplayStage {
  private readonly servers: HandlerServer[] = []
  private readonly clients: TickClient[] = []

  async server(options: StreamHandlerOptions, parts: StreamHandlerParts = {}): Promise<HandlerServer> {
    const server = await HandlerServer.start(options, parts)
    this.servers.push(server)
    return server
  }

  async connect(server: HandlerServer, query: string): Promise<PastClient> {
    const all: ServerMessage[] = []
    const state = { isLive: false }
    const client = await TickClient.connect(server.url(query), message => {
      all.push(message)
      if (message.type === 'live') state.isLive = true
    })
    this.clients.push(client)
    return Object.assign(client, { all, state })
  }

  /** Ends what the test has begun. */
  async clear(): Promise<void> {
    await Promise.all(this.clients.splice(0).map(client => client.close()))
    await Promise.all(this.servers.splice(0).map(server => server.stop()))
  }
}

/** The offsets of the ticks that a client got: their sequences. */
export const got = (client: TickClient): number[] => client.ticks.map(({ sequence }) => Number(sequence))

export const isLive = (client: PastClient) => (): boolean => client.state.isLive

export const liveOf = (client: PastClient) => client.all.find(({ type }) => type === 'live') as LiveMessage

/** Reason, first and last offset, and number of the ticks of each gap. */
export const gapsOf = (client: TickClient) =>
  client.gaps.map(({ from, missed, reason, to }) => [reason, from, to, missed])

/** Ends the thread that reads the past in the midst of its work. */
export function endHistoryThread({ handler }: HandlerServer): void {
  const { broadcaster } = handler as unknown as {
    readonly broadcaster: { readonly history: { readonly clients: { readonly deps: { terminate(): void } } } }
  }
  broadcaster.history.clients.deps.terminate()
}
