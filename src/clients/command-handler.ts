/**
 * Carries out the commands of connected clients. Main thread.
 * The lane replies to a change of subscriptions, at its exact place in the stream. Every other reply is sent at once.
 */
import { type Clock, wallUs } from '../common/clock.js'
import type { Membership } from '../fanout/membership.js'
import type { Recipient } from '../fanout/recipient.js'
import { isAwaited, isSought, type SoughtStart } from '../fanout/wanted-start.js'
import type { Entry, EntryChange } from '../lane-protocol/audience-spec.js'
import type { CommandReply, ReplayStart } from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { type ClientCommand, commandId, readCommand } from '../protocol/client-command.js'
import { deliveryFields } from '../protocol/delivery.js'
import type { CommandId, ControlMessage, ErrorMessage, SymbolRefusal } from '../protocol/messages.js'
import { readEntitledDelivery } from './access/client-access.js'
import type { Renewals } from './access/renewals.js'
import type { Client } from './client.js'
import type { ReconnectAdvice } from './reconnect-advice.js'
import {
  futureError,
  isStartError,
  readReplayStart,
  type StartError,
  type StreamExtent,
} from './replay-start.js'
import { WORK_PER_SYMBOL } from './work-budgets.js'

/**
 * The work of a change for each entry of its client: the main thread copies the map of all entries. The lane is sent
 * the change alone.
 */
const WORK_PER_ENTRY = 16
/** The work to begin a replay. The ticks that are read for it are charged to the client, see Recipient.replyWork. */
const WORK_PER_REPLAY = 1024
/** Bounds one entry of `refused` in a reply, without the symbol. */
export const REFUSAL_BYTES_MAX = 160
/** Bounds a reply without its symbols and refusals. */
export const REPLY_BYTES_MAX = 512

/** The work to check a token. */
export const WORK_PER_TOKEN = 4096

type SymbolsCommand = Extract<ClientCommand, { type: 'subscribe' | 'unsubscribe' }>

export interface CommandHandlerDeps extends StreamExtent {
  readonly membership: Membership
  readonly clock: Clock
  readonly counters: Pick<CounterWriter, 'values'>
  /** Bounds the replies that one client waits for, in bytes of JSON. */
  readonly replyBytesMax: number
  readonly advice: Pick<ReconnectAdvice, 'afterRefusalS'>
  /** Whether the client's lane is too far behind to take one more change. */
  readonly isLaneBusy: (recipient: Recipient) => boolean
  /** undefined: nobody is asked who they are. */
  readonly renewals?: Renewals | undefined
  /** `authorize` has revoked the access of a client as it was asked about a command. */
  readonly revoked?: (client: Client) => void
}

export class CommandHandler {
  private readonly deps: CommandHandlerDeps

  constructor(deps: CommandHandlerDeps) {
    this.deps = deps
  }

  /**
   * Carries out one message of a client, of any content.
   *
   * @returns the work, without that for the bytes of the message
   */
  handle(client: Client, data: Buffer, isBinary: boolean): number {
    if (isBinary) {
      const message = 'a command must be text, this message was binary'
      client.reply({ type: 'error', code: 'binary_message', message })
      return 0
    }
    const result = readCommand(data.toString())
    if ('error' in result) {
      client.reply(result.error)
      return 0
    }
    const { command } = result
    switch (command.type) {
      case 'ping':
        client.reply({ type: 'pong', id: command.id, time: wallUs(this.deps.clock) })
        return 0
      case 'list':
        return client.reply(list(client, command.id))
      case 'auth':
        return this.renew(client, command)
      case 'subscribe':
      case 'unsubscribe':
        return this.change(client, command, data.length)
    }
  }

  /** The id of a message of any content, for its refusal. */
  idOf(data: Buffer): CommandId | undefined {
    return commandId(data.toString())
  }

  /** Refuses a message that is one too many. */
  refuse(client: Client, id: CommandId | undefined): void {
    client.reply(tooMany(id))
  }

  /** The reply comes when the token is checked. @returns the work */
  private renew(client: Client, { id, token }: Extract<ClientCommand, { type: 'auth' }>): number {
    const { renewals } = this.deps
    if (renewals === undefined || client.access === undefined) {
      const message = 'the gateway asks nobody who they are: there is nothing to renew'
      client.reply({ type: 'error', ...(id === undefined ? {} : { id }), code: 'no_auth', message })
      return 0
    }
    if (renewals.isChecking(client)) client.reply(tooMany(id))
    else void renewals.renew(client, token, id)
    return WORK_PER_TOKEN
  }

  /**
   * @param commandBytes length of the command's text
   * @returns the work
   */
  private change(client: Client, command: SymbolsCommand, commandBytes: number): number {
    const replay = this.replayOf(command)
    if (isStartError(replay)) {
      client.reply({ type: 'error', id: command.id, ...replay })
      return 0
    }
    const replyBytes = replyBytesOf(command, commandBytes)
    const error = this.refusalOf(client, command, commandBytes, replay)
    if (error !== undefined) {
      if (error.code === 'too_many_commands') this.deps.counters.values[MAIN_SLOTS.commandsRefused]! += 1
      client.reply(error)
      return 0
    }
    const done =
      command.type === 'subscribe'
        ? subscribe(client, command, replay !== null)
        : unsubscribe(client, command)
    if ('code' in done) {
      client.reply(done)
      return 0
    }
    const { membership, revoked } = this.deps
    const { recipient, subscriptions } = client
    // What the client asks for, or as much of it as the client may see.
    const visible = subscriptions.isNarrowed ? subscriptions.visible : undefined
    const change = visible === undefined ? done.change : membership.changeTo(recipient, visible)
    if (client.access?.isRevoked) {
      revoked?.(client)
      return 0
    }
    // The client's lane puts the change into effect, and sends the reply.
    membership.move(recipient, change, done.reply, replyBytes, replay)
    const entries = subscriptions.count + (visible?.size ?? 0)
    const replayWork = replay === null ? 0 : WORK_PER_REPLAY
    return command.symbols.length * WORK_PER_SYMBOL + entries * WORK_PER_ENTRY + replayWork
  }

  /** Where the replay begins that the command asks for; null: it asks for none. */
  private replayOf(command: SymbolsCommand): ReplayStart | SoughtStart | StartError | null {
    if (command.type === 'unsubscribe') return null
    const start = readReplayStart(command, this.deps)
    // A connected client has no offset from another gateway that is new to this one.
    return !isStartError(start) && isAwaited(start)
      ? futureError(start.awaited.offset, this.deps.numbering)
      : start
  }

  /** Why the command is not carried out now; undefined when it is. */
  private refusalOf(
    { recipient }: Client,
    command: SymbolsCommand,
    commandBytes: number,
    replay: ReplayStart | SoughtStart | null,
  ): ErrorMessage | undefined {
    const { advice, isLaneBusy, membership, past, replyBytesMax } = this.deps
    const replyBytes = replyBytesOf(command, commandBytes)
    if (isLaneBusy(recipient)) return overloaded(command)
    if (replyBytes > replyBytesMax) return tooLarge(command, commandBytes, replyBytesMax - REPLY_BYTES_MAX)
    if (isSought(replay) && !past.hasRoom) return pastFull(command, advice.afterRefusalS() * 1000)
    const isFull = membership.hasTooManyQueued(recipient, replay)
    if (isFull || membership.waitingBytes(recipient) + replyBytes > replyBytesMax) return tooMany(command.id)
    return undefined
  }
}

/** Bounds the reply to a command. @param commandBytes length of the command's text */
function replyBytesOf({ symbols }: SymbolsCommand, commandBytes: number): number {
  return commandBytes + symbols.length * REFUSAL_BYTES_MAX + REPLY_BYTES_MAX
}

/** How a command changes the entries of its client, and the reply that the lane completes. */
interface SubscriptionChange {
  readonly change: EntryChange
  readonly reply: CommandReply
}

function list(client: Client, id: CommandId): ControlMessage {
  const subscriptions = client.subscriptions.byInterval.map(({ intervalMs, symbols }) => ({
    ...deliveryFields(intervalMs),
    symbols,
  }))
  return { type: 'subscriptions', id, subscriptions }
}

function subscribe(
  client: Client,
  command: Extract<SymbolsCommand, { type: 'subscribe' }>,
  isResumed: boolean,
): SubscriptionChange | ErrorMessage {
  const { id, symbols } = command
  const leastMs = client.access?.identity.latestIntervalMs
  const delivery = readEntitledDelivery(command, client.delivery, leastMs)
  if ('code' in delivery) return { type: 'error', id, ...delivery }
  const { intervalMs, snapshot } = delivery
  const { done, refused } = client.subscriptions.add(symbols, intervalMs)
  return {
    change: { added: done.map((entry): Entry => [entry, intervalMs]), removed: [] },
    reply: {
      type: 'subscribed',
      id,
      symbols: done,
      ...refusedField(refused),
      ...deliveryFields(intervalMs),
      // A replay brings what the client missed.
      snapshot: snapshot && !isResumed,
    },
  }
}

function unsubscribe(client: Client, { id, symbols }: SymbolsCommand): SubscriptionChange {
  const { done, refused } = client.subscriptions.remove(symbols)
  return {
    change: { added: [], removed: done },
    reply: { type: 'unsubscribed', id, symbols: done, ...refusedField(refused) },
  }
}

export function refusedField(refused: readonly SymbolRefusal[]): { refused?: readonly SymbolRefusal[] } {
  return refused.length === 0 ? {} : { refused }
}

function pastFull({ id }: SymbolsCommand, retryAfterMs: number): ErrorMessage {
  const message = 'as many clients as may read ticks of the past: try again after retryAfterMs'
  return { type: 'error', id, code: 'history_busy', message, retryAfterMs }
}

function overloaded({ id }: SymbolsCommand): ErrorMessage {
  return { type: 'error', id, code: 'overload', message: 'the gateway is overloaded: try again later' }
}

/** @param bytesMax bounds the command together with the refusals of its symbols */
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
