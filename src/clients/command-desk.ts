/**
 * Does what a client asks for while it is connected. Main thread.
 * A change of subscriptions is answered by the client's lane, at its exact place in the stream; all else at once.
 */
import type { RawData } from 'ws'
import type { Clock } from '../clock.js'
import type { Membership } from '../fanout/membership.js'
import { wantedSymbols } from '../protocol/audience-spec.js'
import type { ControlMessage, ErrorMessage } from '../protocol/messages.js'
import type { Client } from './client.js'
import { type ClientCommand, readCommand } from './client-command.js'

export interface CommandDeskOptions {
  readonly membership: Membership
  readonly clock: Clock
  /** What the answers may take that one client waits for, bytes. */
  readonly answerBytesMax: number
  /** Whether the lanes are too far behind to be told of one more change. */
  readonly isOverloaded: () => boolean
}

export class CommandDesk {
  private readonly options: CommandDeskOptions

  constructor(options: CommandDeskOptions) {
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
    if (!client.commands.tryTake()) return tooMany(command)
    switch (command.type) {
      case 'ping':
        return { type: 'pong', id: command.id, time: this.options.clock.epochUs() }
      case 'list':
        return { type: 'subscriptions', id: command.id, symbols: client.subscriptions.sorted }
      case 'subscribe':
      case 'unsubscribe': {
        if (this.options.isOverloaded()) return overloaded(command)
        const answerBytes =
          Buffer.byteLength(text) + command.symbols.length * REFUSAL_BYTES_MAX + ANSWER_BYTES_MAX
        if (
          this.options.membership.waitingBytes(client.recipient) + answerBytes >
          this.options.answerBytesMax
        )
          return tooMany(command)
        this.change(client, command, answerBytes)
        return undefined
      }
    }
  }

  private change(
    { subscriptions, recipient, form }: Client,
    { type, id, symbols }: SymbolsCommand,
    answerBytes: number,
  ): void {
    const { done, refused } =
      type === 'subscribe' ? subscriptions.add(symbols) : subscriptions.remove(symbols)
    this.options.membership.move(
      recipient,
      { symbols: wantedSymbols(subscriptions.sorted), ...form },
      {
        type: type === 'subscribe' ? 'subscribed' : 'unsubscribed',
        id,
        symbols: done,
        ...(refused.length === 0 ? {} : { refused }),
      },
      answerBytes,
    )
  }
}

type SymbolsCommand = Extract<ClientCommand, { type: 'subscribe' | 'unsubscribe' }>

/** What an answer takes beside the symbols of its command … */
const ANSWER_BYTES_MAX = 512
/** … and what the refusal of one symbol takes beside it. */
const REFUSAL_BYTES_MAX = 160

function overloaded({ id }: ClientCommand): ErrorMessage {
  return { type: 'error', id, code: 'overload', message: 'the gateway is overloaded: try again later' }
}

function tooMany({ id }: ClientCommand): ErrorMessage {
  return {
    type: 'error',
    id,
    code: 'too_many_commands',
    message: 'too many commands or symbols at once: wait a moment',
  }
}
