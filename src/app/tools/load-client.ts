/**
 * One client of a load. Main thread. Reads the head of each message with ticks and leaves the ticks unread, so that one
 * thread can be thousands of clients. Whether a message is missing shows in `seq`.
 */
import type { ClientWebSocket } from '../../common/guarded-web-socket.js'
import type { ServerMessage } from '../../protocol/messages.js'
import { countUp, type LoadTally } from './load-tally.js'

export interface LoadClientDeps {
  readonly tally: LoadTally
  /** The clock of the gateway, µs since the Unix epoch. */
  readonly gatewayUs: () => number
  /** Called once: the client is subscribed, or was refused. */
  readonly onSettled: () => void
  readonly onPong: (timeUs: number) => void
}

const TICKS = Buffer.from(',"ticks":[')
const REFUSAL_BYTES_MAX = 4096
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const LEFT_IN_ORDER = 1000

interface RefusalResponse {
  readonly statusCode?: number | undefined
  on(event: string, listener: (chunk?: unknown) => void): void
}

export class LoadClient {
  isOpen = false
  private readonly socket: ClientWebSocket
  private readonly deps: LoadClientDeps
  private seq = 0
  private offset = 0
  private isSettled = false
  private isLeaving = false

  constructor(socket: ClientWebSocket, deps: LoadClientDeps) {
    this.socket = socket
    this.deps = deps
    socket.on('message', data => this.take(data as Buffer))
    socket.on('unexpected-response', (_, response) => this.refused(response))
    // The close event follows.
    socket.on('error', (error: NodeJS.ErrnoException) => this.failed(error.code ?? error.message))
    socket.on('close', code => this.closed(code))
  }

  ping(): void {
    this.socket.send('{"type":"ping","id":0}')
  }

  /** Leaves in order, so that the gateway counts no connection that broke. Resolves when the connection has ended. */
  async leave(): Promise<void> {
    this.isLeaving = true
    if (this.socket.readyState === this.socket.CLOSED) return
    const closed = new Promise(resolve => this.socket.once('close', resolve))
    this.socket.close(LEFT_IN_ORDER)
    await closed
  }

  /** Cuts the connection, if it has not ended. */
  cut(): void {
    this.socket.terminate()
  }

  private take(data: Buffer): void {
    const { tally } = this.deps
    tally.messages++
    tally.bytes += data.length
    const head = data.indexOf(TICKS)
    const text = head < 0 ? data.toString() : `${data.toString('latin1', 0, head)}}`
    const message = JSON.parse(text) as Omit<ServerMessage, 'ticks'> as ServerMessage
    switch (message.type) {
      case 'subscribed':
        this.seq = message.seq
        this.offset = message.offset
        for (const { code } of message.refused ?? []) countUp(tally.refusedEntries, code)
        this.isOpen = true
        this.settle()
        return
      case 'ticks': {
        this.seq++
        this.check(message.seq, message.offset)
        const { merged = 0, received = [] } = message
        tally.ticks += received.length
        tally.merged += merged
        const [oldest] = received
        if (oldest !== undefined) tally.observe(Math.max(0, this.deps.gatewayUs() - oldest))
        return
      }
      case 'snapshot':
      case 'heartbeat':
      case 'live':
        this.check(message.seq, message.offset)
        return
      case 'gap':
        tally.gap(message.reason, message.missed ?? 0)
        // Another epoch counts from elsewhere.
        if (message.epoch !== undefined) this.offset = message.offset ?? 0
        this.check(message.seq, this.offset)
        return
      case 'pong':
        this.deps.onPong(message.time)
        return
      default:
        return
    }
  }

  private check(seq: number, offset: number): void {
    if (seq !== this.seq)
      this.deps.tally.silentError(`a message has the number ${seq}, and ${this.seq} was expected`)
    else if (offset < this.offset)
      this.deps.tally.silentError(`the offset ${offset} comes after ${this.offset}`)
    this.seq = seq
    this.offset = offset
  }

  private refused(response: RefusalResponse): void {
    let text = ''
    response.on('data', chunk => {
      if (text.length < REFUSAL_BYTES_MAX) text += String(chunk)
    })
    response.on('end', () => {
      this.failed(codeOf(text) ?? `HTTP ${response.statusCode}`)
      this.socket.terminate()
    })
  }

  private failed(code: string): void {
    if (this.isSettled) return
    countUp(this.deps.tally.refused, code)
    this.settle()
  }

  private closed(code: number): void {
    if (this.isOpen && !this.isLeaving) countUp(this.deps.tally.ended, String(code))
    this.isOpen = false
    if (!this.isLeaving) this.failed(String(code))
  }

  private settle(): void {
    if (this.isSettled) return
    this.isSettled = true
    this.deps.onSettled()
  }
}

function codeOf(text: string): string | undefined {
  try {
    const { code } = Object(JSON.parse(text)) as { code?: unknown }
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}
