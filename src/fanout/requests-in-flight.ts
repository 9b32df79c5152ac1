/**
 * The clients with a request in flight, and the sending of their requests to lanes. Main thread.
 */
import type { LaneCommand } from '../lane-protocol/lane-commands.js'
import type { Recipient } from './recipient.js'

export class RequestsInFlight {
  private readonly sendCommand: (lane: number, command: LaneCommand) => void
  /** Whether the source may be asked for what the client misses. */
  private readonly hasPast: (recipient: Recipient) => boolean
  private readonly clients = new Map<number, Recipient>()

  constructor(
    sendCommand: (lane: number, command: LaneCommand) => void,
    hasPast: (recipient: Recipient) => boolean,
  ) {
    this.sendCommand = sendCommand
    this.hasPast = hasPast
  }

  add(recipient: Recipient): void {
    this.clients.set(recipient.id, recipient)
  }

  /** The client has no request in flight any more. Safe to call twice. */
  remove({ id }: Recipient): void {
    this.clients.delete(id)
  }

  /**
   * The client whose request the lane replies to; undefined: it has left or asked again, or a successor repeats a
   * reply.
   */
  clientOf(client: number, request: number): Recipient | undefined {
    const recipient = this.clients.get(client)
    return recipient?.transfer.isSent && recipient.transfer.requestId === request ? recipient : undefined
  }

  /** The clients whose requests the lane was sent and has not replied to to the end. */
  sentTo(lane: number): Recipient[] {
    return [...this.clients.values()].filter(
      ({ transfer }) => transfer.isSent && transfer.inFlight?.audience.lane === lane,
    )
  }

  /** Sends the lane the request of a client that was added. */
  send(recipient: Recipient): void {
    const { cursor, id, name, transfer } = recipient
    const request = transfer.sent()
    const { audience, replies } = transfer.inFlight!
    this.sendCommand(audience.lane, {
      op: 'join',
      audience: audience.id,
      leaving: cursor.audience?.id ?? 0,
      client: id,
      name,
      request,
      fellBehindAt: cursor.fellBehindAt ?? null,
      replay: transfer.replay,
      ...(transfer.needsReplay && this.hasPast(recipient) ? { hasPast: true } : {}),
      replies,
    })
  }
}
