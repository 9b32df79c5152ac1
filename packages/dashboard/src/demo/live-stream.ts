/** The stream of this page, by the client library, with switches. One stream at a time. */
import {
  connect,
  type GapItem,
  type StatusItem,
  type Stream,
  type Subscription,
  type TickHead,
  type TicksItem,
  type WebSocketClass,
} from '../../../client/src/index.js'

export interface StreamEvents {
  readonly ticks: (ticks: readonly TickHead[], merged: number) => void
  readonly snapshot: (ticks: readonly TickHead[]) => void
  readonly gap: (gap: GapItem) => void
  readonly status: (status: StatusItem) => void
}

const CONFLATION_MS = 250

export class LiveStream {
  connections = 0
  private readonly events: StreamEvents
  private isConflated = true
  private isCompressed = true
  private socket: WebSocket | undefined
  private stream: Stream<TickHead>
  private subscription: Subscription<TickHead>

  constructor(events: StreamEvents) {
    this.events = events
    this.stream = this.open(undefined)
    this.subscription = this.subscribe()
  }

  get position(): string | undefined {
    return this.stream.position
  }

  /** What the present connection has: browsers offer compression by themselves. */
  get hasCompression(): boolean {
    return this.socket?.extensions.includes('permessage-deflate') ?? false
  }

  /** On the same connection: the new subscription holds before the old one goes. */
  setConflation(isConflated: boolean): void {
    this.isConflated = isConflated
    const before = this.subscription
    this.subscription = this.subscribe()
    before.close()
  }

  /** A connection is compressed from its start or not at all, so another one goes on where this one was. */
  setCompression(isCompressed: boolean): void {
    this.isCompressed = isCompressed
    const { position } = this.stream
    this.stream.close()
    this.stream = this.open(position)
    this.subscription = this.subscribe()
  }

  /** As a network would. The client connects again, and goes on where it was. */
  cut(): void {
    this.socket?.close()
  }

  useToken(token: string): void {
    this.stream.setToken(token)
  }

  private open(resume: string | undefined): Stream<TickHead> {
    const url = new URL('ws/ticks', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    url.hash = ''
    url.search = this.isCompressed ? '' : '?compression=false'
    const opened = (socket: WebSocket): void => {
      this.socket = socket
      this.connections++
    }
    class SeenWebSocket extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols)
        opened(this)
      }
    }
    return connect<TickHead>(url, {
      WebSocket: SeenWebSocket as WebSocketClass,
      ...(resume === undefined ? {} : { resume }),
    })
  }

  private subscribe(): Subscription<TickHead> {
    const subscription = this.stream.subscribe(
      '*',
      this.isConflated
        ? { delivery: 'latest', interval: CONFLATION_MS }
        : { delivery: 'every', snapshot: true },
    )
    const { events } = this
    subscription.on('ticks', ({ merged = 0, ticks }: TicksItem<TickHead>) => events.ticks(ticks, merged))
    subscription.on('snapshot', ({ ticks }) => events.snapshot(ticks))
    subscription.on('gap', gap => events.gap(gap))
    subscription.on('status', status => events.status(status))
    return subscription
  }
}
