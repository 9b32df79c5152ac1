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

export class CommandDesk {
  private readonly membership: Membership
  private readonly clock: Clock
  private readonly answerBytesMax: number

  /** @param answerBytesMax what the answers may take that one client waits for */
  constructor(membership: Membership, clock: Clock, answerBytesMax: number) {
    this.membership = membership
    this.clock = clock
    this.answerBytesMax = answerBytesMax
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
        return { type: 'pong', id: command.id, time: this.clock.epochUs() }
      case 'list':
        return { type: 'subscriptions', id: command.id, symbols: client.subscriptions.sorted }
      case 'subscribe':
      case 'unsubscribe': {
        const answerBytes =
          Buffer.byteLength(text) + command.symbols.length * REFUSAL_BYTES_MAX + ANSWER_BYTES_MAX
        if (this.membership.waitingBytes(client.recipient) + answerBytes > this.answerBytesMax)
          return tooMany(command)
        this.change(client, command, answerBytes)
        return undefined
      }
    }
  }

  private change(
    { subscriptions, recipient, batch }: Client,
    { type, id, symbols }: SymbolsCommand,
    answerBytes: number,
  ): void {
    const { done, refused } =
      type === 'subscribe' ? subscriptions.add(symbols) : subscriptions.remove(symbols)
    this.membership.move(
      recipient,
      { symbols: wantedSymbols(subscriptions.sorted), batch },
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

function tooMany({ id }: ClientCommand): ErrorMessage {
  return {
    type: 'error',
    id,
    code: 'too_many_commands',
    message: 'too many commands or symbols at once: wait a moment',
  }
}
