/**
 * The life of one WebSocket: opens it, reads messages, notices when it is dead, and says once why it has ended. Everything of
 * the socket is let go of then: a late event of it reaches nobody.
 */
import { isFinalClose, isFinalStatus, isUnauthorizedClose } from './close-codes.js'
import type { Codec } from './codec.js'
import type { ConnectionEnd } from './connection-end.js'
import type { HttpResponse, Socket, Time, WebSocketClass } from './environment.js'
import type { Command, ServerMessage, TickHead } from './messages.js'

/** From the begin of the connection to the first message. A busy gateway makes a handshake wait up to ten seconds. */
const FIRST_MESSAGE_MS = 20_000
const RETRY_AFTER_MAX_MS = 300_000
const REFUSAL_TEXT_MAX = 4096

export interface ConnectionDeps<Tick extends TickHead> {
  readonly WebSocket: WebSocketClass
  readonly time: Time
  readonly codec: Codec<Tick>
  /** ms; 0: none is asked for, and silence is no fault. */
  readonly heartbeatMs: number
  readonly onMessage: (message: ServerMessage<Tick>) => void
  readonly onEnd: (end: ConnectionEnd) => void
}

export class Connection<Tick extends TickHead> {
  private readonly deps: ConnectionDeps<Tick>
  private readonly socket: Socket
  private timer: unknown
  private lastHeardMs: number
  private hasHeard = false
  private hasEnded = false
  private errorText = ''
  private goodbye: ConnectionEnd | undefined

  /** @param token sent first of all; undefined: none */
  constructor(url: string, token: string | undefined, deps: ConnectionDeps<Tick>) {
    this.deps = deps
    const { codec, time } = deps
    this.lastHeardMs = time.now()
    const socket = new deps.WebSocket(url, codec.subprotocols) as Socket
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (token !== undefined) this.send({ type: 'auth', token })
    }
    socket.onmessage = ({ data }) => this.take(data)
    socket.onerror = ({ message }) => {
      this.errorText = message ?? ''
    }
    socket.onclose = ({ code, reason }) => this.closed(code, reason)
    socket.on?.('unexpected-response', (_request, response) => this.refused(response))
    this.timer = time.setTimeout(() => this.fail('timeout', 'no first message'), FIRST_MESSAGE_MS)
  }

  send(command: Command): void {
    if (!this.hasEnded) this.socket.send(JSON.stringify(command))
  }

  /** The gateway closes the connection next, and says when to come back. */
  announceGoodbye(reason: string, delayMs: number): void {
    this.goodbye = { code: 'goodbye', reason, retryable: true, delayMs }
  }

  /** Ends a connection that cannot be trusted any more. */
  fail(code: string, reason: string): void {
    this.end({ code, reason, retryable: true })
  }

  /** Ends the connection without telling anybody. */
  close(): void {
    this.release()
    this.socket.close(1000)
  }

  private take(data: unknown): void {
    this.lastHeardMs = this.deps.time.now()
    if (!this.hasHeard) {
      this.hasHeard = true
      this.watch()
    }
    let message: ServerMessage<Tick>
    try {
      message =
        typeof data === 'string'
          ? (JSON.parse(data) as ServerMessage<Tick>)
          : this.deps.codec.decode(data as ArrayBuffer)
    } catch (error) {
      this.fail('malformed', `a message cannot be read: ${(error as Error).message}`)
      return
    }
    this.deps.onMessage(message)
  }

  /**
   * After one and a half heartbeats of silence the client asks, half a heartbeat later it gives up. The second wait begins when
   * the first is over, however late: what came while this thread was blocked, or the machine asleep, is read in between.
   */
  private watch(): void {
    const { heartbeatMs, time } = this.deps
    time.clearTimeout(this.timer)
    if (heartbeatMs === 0 || this.hasEnded) return
    const quietMs = 1.5 * heartbeatMs
    this.timer = time.setTimeout(
      () => {
        if (time.now() - this.lastHeardMs < quietMs) return this.watch()
        const askedMs = time.now()
        this.send({ type: 'ping', id: 0 })
        this.timer = time.setTimeout(() => {
          if (this.lastHeardMs >= askedMs) return this.watch()
          this.fail('silent', 'the gateway is silent')
        }, heartbeatMs / 2)
      },
      this.lastHeardMs + quietMs - time.now(),
    )
  }

  private closed(closeCode: number, text: string): void {
    this.end({
      code: isUnauthorizedClose(closeCode) ? 'unauthorized' : 'closed',
      reason: text || this.errorText || `closed with ${closeCode}`,
      retryable: !isFinalClose(closeCode),
      closeCode,
      ...this.goodbye,
    })
  }

  /** The gateway has refused the connection, and this environment shows how. */
  private refused(response: HttpResponse): void {
    const status = response.statusCode ?? 0
    let text = ''
    const done = () => {
      const { code, message } = readRefusal(text)
      const seconds = Number(response.headers['retry-after'])
      this.end({
        code: status === 401 || status === 403 ? 'unauthorized' : 'refused',
        reason: message ?? `refused with ${status}`,
        retryable: !isFinalStatus(status),
        status,
        refusalCode: code,
        delayMs: seconds > 0 ? Math.min(RETRY_AFTER_MAX_MS, seconds * 1000) : undefined,
      })
    }
    response.on('data', chunk => {
      if (text.length < REFUSAL_TEXT_MAX) text += String(chunk)
    })
    for (const event of ['end', 'close', 'error']) response.on(event, done)
  }

  private end(end: ConnectionEnd): void {
    if (this.hasEnded) return
    this.release()
    // A dead peer never answers a close frame.
    if (this.socket.terminate === undefined) this.socket.close()
    else this.socket.terminate()
    this.deps.onEnd(end)
  }

  private release(): void {
    this.hasEnded = true
    this.deps.time.clearTimeout(this.timer)
    this.socket.onopen = null
    this.socket.onmessage = null
    this.socket.onclose = null
    // `ws` throws an error that nobody listens to.
    this.socket.onerror = () => {}
  }
}

function readRefusal(text: string): { code?: string; message?: string } {
  try {
    return Object(JSON.parse(text)) as { code?: string; message?: string }
  } catch {
    return {}
  }
}
