/**
 * Does what a client asks for while it is connected. Main thread.
 * A change of subscriptions is answered by the client's lane, at its exact place in the stream; all else at once.
 */
import type { RawData } from 'ws'
import type { Clock } from '../common/clock.js'
import type { Membership } from '../fanout/membership.js'
import type { CommandAnswer } from '../lane-protocol/lane-commands.js'
import { type ClientCommand, commandId, readCommand } from '../protocol/client-command.js'
import { deliveryFields, readDelivery } from '../protocol/delivery.js'
import type { CommandId, ControlMessage, ErrorMessage, SymbolRefusal } from '../protocol/messages.js'
import type { Client } from './client.js'

export interface CommandHandlerOptions {
  readonly membership: Membership
  readonly clock: Clock
  /** What the answers may take that one client waits for, bytes. */
  readonly answerBytesMax: number
  /** Whether the lanes are too far behind to be told of one more change. */
  readonly isOverloaded: () => boolean
}

export class CommandHandler {
  private readonly options: CommandHandlerOptions

  constructor(options: CommandHandlerOptions) {
    this.options = options
  }

  /** @returns the answer; undefined when the lane will give it */
  obey(client: Client, data: RawData, isBinary: boolean): ControlMessage | undefined {
    if (isBinary)
      return {
        type: 'error',
        code: 'binary_message',
        message: 'a command must be text, this message was binary',
      }
    const text = data.toString()
    const read = readCommand(text)
    if ('error' in read) return read.error
    const { command } = read
    switch (command.type) {
      case 'ping':
        return { type: 'pong', id: command.id, time: this.options.clock.epochUs() }
      case 'list':
        return {
          type: 'subscriptions',
          id: command.id,
          subscriptions: client.subscriptions.byInterval.map(({ intervalMs, symbols }) => ({
            ...deliveryFields(intervalMs),
            symbols,
          })),
        }
      case 'subscribe':
      case 'unsubscribe': {
        if (this.options.isOverloaded()) return overloaded(command)
        const { answerBytesMax, membership } = this.options
        const bytes = Buffer.byteLength(text)
        const answerBytes = bytes + command.symbols.length * REFUSAL_BYTES_MAX + ANSWER_BYTES_MAX
        if (answerBytes > answerBytesMax) return tooLarge(command, bytes, answerBytesMax - ANSWER_BYTES_MAX)
        if (membership.waitingBytes(client.recipient) + answerBytes > answerBytesMax)
          return tooMany(command.id)
        return this.change(client, command, answerBytes)
      }
    }
  }

  /**
   * The answer to a message that is one too many, which is looked at only for its id. Those without one are answered once a
   * second, all together.
   *
   * @param data undefined: a ping
   */
  refuse(client: Client, data: RawData | undefined, isBinary: boolean): ErrorMessage | undefined {
    const id = data === undefined || isBinary ? undefined : commandId(data.toString())
    if (id === undefined && !client.messageLimits?.warnings.tryTake()) return undefined
    return tooMany(id)
  }

  private change(client: Client, command: SymbolsCommand, answerBytes: number): ErrorMessage | undefined {
    const { subscriptions, recipient, form } = client
    const { id, symbols } = command
    let answer: CommandAnswer
    if (command.type === 'subscribe') {
      const delivery = readDelivery(command, client.delivery)
      if ('code' in delivery) return { type: 'error', id, ...delivery }
      const { done, refused } = subscriptions.add(symbols, delivery.intervalMs)
      const fields = deliveryFields(delivery.intervalMs)
      answer = {
        type: 'subscribed',
        id,
        symbols: done,
        ...refusals(refused),
        ...fields,
        snapshot: delivery.snapshot,
      }
    } else {
      const { done, refused } = subscriptions.remove(symbols)
      answer = { type: 'unsubscribed', id, symbols: done, ...refusals(refused) }
    }
    const { latest, symbols: wanted } = subscriptions.selection
    this.options.membership.move(recipient, { symbols: wanted, latest, ...form }, answer, answerBytes)
    return undefined
  }
}

/** Left out when there are none. */
function refusals(refused: readonly SymbolRefusal[]): { refused?: readonly SymbolRefusal[] } {
  return refused.length === 0 ? {} : { refused }
}

type SymbolsCommand = Extract<ClientCommand, { type: 'subscribe' | 'unsubscribe' }>

/** What an answer takes beside the symbols of its command … */
const ANSWER_BYTES_MAX = 512
/** … and what the refusal of one symbol takes beside it. */
export const REFUSAL_BYTES_MAX = 160

function overloaded({ id }: ClientCommand): ErrorMessage {
  return { type: 'error', id, code: 'overload', message: 'the gateway is overloaded: try again later' }
}

/** @param bytesMax what the command and the refusals of its symbols may take together */
function tooLarge({ id, symbols }: SymbolsCommand, bytes: number, bytesMax: number): ErrorMessage {
  const countMax = Math.floor((bytesMax - bytes) / REFUSAL_BYTES_MAX)
  const message =
    countMax > 0
      ? `a command of ${bytes} bytes may name at most ${countMax} symbols, this one names ${symbols.length}: split it`
      : `a command that names a symbol may have at most ${bytesMax - REFUSAL_BYTES_MAX} bytes, this one has ${bytes}: ` +
        (symbols.length > 1 ? 'split it' : 'shorten it')
  return { type: 'error', id, code: 'command_too_large', message }
}

function tooMany(id: CommandId | undefined): ErrorMessage {
  return {
    type: 'error',
    ...(id === undefined ? {} : { id }),
    code: 'too_many_commands',
    message: 'too many commands or symbols at once: wait a moment',
  }
}
