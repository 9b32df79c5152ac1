/**
 * Connections whose first message must say who they are. Main thread.
 * Until then nothing is sent, and of what comes only one read is kept. The oldest connection makes room for a new one.
 */
import type { Clock, Timer } from '../../common/clock.js'
import type { GuardedWebSocket, Inflation } from '../../common/guarded-web-socket.js'
import { type ClientCommand, readCommand } from '../../protocol/client-command.js'
import { CLOSE_CODES, type CloseCode } from '../../protocol/close-codes.js'
import type { CommandErrorCode } from '../../protocol/error-codes.js'
import { type CommandId, messageText } from '../../protocol/messages.js'
import type { Credentials, Gatekeeper } from './gatekeeper.js'
import { type Identity, isDenied } from './identity.js'

export interface AuthWaitsDeps {
  readonly gatekeeper: Gatekeeper
  readonly timeoutMs: number
  /** For the close handshake of a connection that is refused. */
  readonly closeTimeoutMs: number
  readonly countMax: number
  readonly clock: Pick<Clock, 'after'>
  /** A connection was refused. */
  readonly refused: (code: CommandErrorCode, message: string, address: string | undefined) => void
}

interface Message {
  readonly data: Buffer
  readonly isBinary: boolean
}

/** Why a client is refused that has said who it is. */
export interface LateRefusal {
  readonly code: CommandErrorCode
  readonly message: string
  readonly close: CloseCode
}

/** `id` is that of the `auth`. @returns why the client is refused nevertheless; undefined: it was let in */
export type LetIn = (identity: Identity, id: CommandId | undefined) => LateRefusal | undefined

/**
 *   waiting ──► checking ──► done
 *
 * waiting: for the first message. checking: the connection is not read. done: the client is let in, or was refused.
 */
type State = 'waiting' | 'checking' | 'done'

export class AuthWaits {
  private readonly deps: AuthWaitsDeps
  private readonly waits = new Set<AuthWait>()

  constructor(deps: AuthWaitsDeps) {
    this.deps = deps
  }

  get count(): number {
    return this.waits.size
  }

  /** @param letIn called when it is known who the client is */
  add(socket: GuardedWebSocket, credentials: Credentials, letIn: LetIn): void {
    const { countMax } = this.deps
    if (this.waits.size >= countMax) for (const oldest of [...this.waits].slice(0, 1)) oldest.timeOut()
    const wait = new AuthWait(this.deps, socket, credentials, letIn, () => this.waits.delete(wait))
    this.waits.add(wait)
  }

  /** Closes every connection: the gateway shuts down. */
  close(): void {
    for (const wait of [...this.waits]) wait.end(CLOSE_CODES.shutdown)
  }
}

class AuthWait {
  private readonly deps: AuthWaitsDeps
  private readonly socket: GuardedWebSocket
  private readonly credentials: Credentials
  private readonly letIn: LetIn
  private readonly forget: () => void
  private readonly timer: Timer
  private state: State = 'waiting'
  /** What came with the same read as the first message. */
  private readonly held: Message[] = []
  private heldInflation: Inflation | undefined

  constructor(
    deps: AuthWaitsDeps,
    socket: GuardedWebSocket,
    credentials: Credentials,
    letIn: LetIn,
    forget: () => void,
  ) {
    this.deps = deps
    this.socket = socket
    this.credentials = credentials
    this.letIn = letIn
    this.forget = forget
    this.timer = deps.clock.after(deps.timeoutMs, () => this.timeOut())
    socket.on('message', this.onMessage)
    socket.on('error', this.onError)
    socket.on('close', this.onClose)
    socket.controlInflation(inflation => {
      if (this.state === 'checking') this.heldInflation = inflation
      else inflation.run()
    })
  }

  timeOut(): void {
    this.refuse('auth_timeout', 'the first message must be an auth, and it came too late', undefined)
  }

  /** Closes the connection. */
  end(close: CloseCode): void {
    if (this.state === 'done') return
    this.finish()
    const { socket } = this
    // The library needs a listener, and the connection is done for.
    socket.on('error', () => {})
    socket.resume()
    socket.close(close.code, close.reason)
    const { clock, closeTimeoutMs } = this.deps
    const cut = clock.after(closeTimeoutMs, () => socket.terminate())
    socket.on('close', () => cut.cancel())
    this.heldInflation?.skip()
  }

  private readonly onMessage = (data: Buffer, isBinary: boolean): void => {
    if (this.state === 'checking') this.held.push({ data, isBinary })
    if (this.state !== 'waiting') return
    const command = isBinary ? undefined : commandOf(data.toString())
    if (command?.type !== 'auth') {
      const message =
        'the first message must be an auth with a token, for instance {"type":"auth","token":"…"}'
      this.refuse('auth_expected', message, undefined)
      return
    }
    this.state = 'checking'
    // From now on the gatekeeper's timeout counts.
    this.timer.cancel()
    this.socket.pause()
    void this.check(command.token, command.id)
  }

  /** The library closes a connection that breaks the protocol. */
  private readonly onError = (): void => {}

  private readonly onClose = (): void => {
    this.finish()
    this.heldInflation?.skip()
  }

  private async check(token: string, id: CommandId | undefined): Promise<void> {
    const answer = await this.deps.gatekeeper.check({ ...this.credentials, token })
    if (this.state !== 'checking') return
    if (answer === undefined) this.refuse('denied', 'the token tells nobody who you are', id)
    else if (isDenied(answer)) this.refuse(answer.code ?? 'denied', answer.denied, id)
    else this.socket.guard(() => this.enter(answer, id))
  }

  private enter(identity: Identity, id: CommandId | undefined): void {
    const { held, heldInflation, socket } = this
    const refusal = this.letIn(identity, id)
    if (refusal !== undefined) {
      this.refuse(refusal.code, refusal.message, id, refusal.close)
      return
    }
    this.finish()
    socket.resume()
    // Before anything else is read.
    for (const { data, isBinary } of held) socket.emit('message', data, isBinary)
    heldInflation?.run()
  }

  private refuse(
    code: CommandErrorCode,
    message: string,
    id: CommandId | undefined,
    close: CloseCode = CLOSE_CODES.unauthenticated,
  ): void {
    if (this.state === 'done') return
    this.deps.refused(code, message, this.credentials.address)
    const { socket } = this
    if (socket.readyState === socket.OPEN)
      socket.send(messageText({ type: 'error', ...(id === undefined ? {} : { id }), code, message }), {
        compress: false,
      })
    this.end(close)
  }

  private finish(): void {
    this.state = 'done'
    this.timer.cancel()
    this.forget()
    const { socket } = this
    socket.off('message', this.onMessage)
    socket.off('error', this.onError)
    socket.off('close', this.onClose)
  }
}

function commandOf(text: string): ClientCommand | undefined {
  const result = readCommand(text)
  return 'command' in result ? result.command : undefined
}
