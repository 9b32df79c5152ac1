/**
 * Wires what gives clients ticks that have left the tick log: the thread that reads the source again, and the clients that
 * it reads for. Main thread.
 */
import type { PastExtent } from '../clients/replay-start.js'
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { HandlerOptions } from '../config/config.js'
import type { Membership } from '../fanout/membership.js'
import { PastTransfers } from '../fanout/past-transfers.js'
import type { Recipient } from '../fanout/recipient.js'
import type { Transmitter } from '../fanout/transmitter.js'
import type { LogExtent } from '../ingest/log-extent.js'
import type { StreamNumbering } from '../ingest/stream-numbering.js'
import { HistoryThread } from '../lanes/history-thread.js'
import type { CounterWriter } from '../memory/counters.js'
import type { HistoryOrigin } from '../ticks/stream-history.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import { HistoryFailures } from './history-failures.js'

export interface HistoryDeps {
  readonly settings: Pick<HandlerOptions, 'historyQueue' | 'historyReaders' | 'tickBytesMax'>
  readonly schema: TickSchema | undefined
  readonly numbering: StreamNumbering
  readonly extent: LogExtent
  /** Both are there when the first client comes. */
  readonly membership: () => Membership
  readonly transmitter: () => Transmitter
  readonly goodbyeGiven: (recipient: Recipient) => void
  readonly clock: Clock
  readonly log: Log
  readonly counters: CounterWriter
}

export interface History {
  readonly clients: PastTransfers
  readonly extent: PastExtent
  /** The source can be asked for ticks that have left the tick log. */
  attach(origin: HistoryOrigin): void
  /** Ends the readings and the thread. */
  stop(): Promise<void>
}

export function assembleHistory(deps: HistoryDeps): History {
  const { clock, counters, extent, goodbyeGiven, log, membership, numbering, schema, settings } = deps
  let thread: HistoryThread | undefined
  let isFeed = false
  const failures = new HistoryFailures(clock, log)
  const isAvailable = () => thread !== undefined && (!isFeed || numbering.epoch.isShared)
  const clients = new PastTransfers({
    send: message => thread?.send(message),
    terminate: () => thread?.terminate(),
    idle: () => thread?.idle(),
    stream: {
      find: (epochName, offset) => numbering.find(epochName, offset),
      nameOf: epoch => numbering.nameOf(epoch),
      numberOf: epochName => numbering.numberOf(epochName),
      placeOf: serial => numbering.placeOf(serial),
      holds: ({ serial }) => extent.holds(serial),
      holdsLong: ({ serial }) => extent.holdsLong(serial),
      get serial() {
        return numbering.serial
      },
    },
    isAvailable,
    isSpared: () => isFeed,
    membership: {
      leave: recipient => membership().leave(recipient),
      sendNext: recipient => membership().sendNext(recipient),
      startFound: (recipient, start) => membership().startFound(recipient, start),
    },
    give: (recipient, { frames, messages, ticks }) =>
      deps.transmitter().giveOwn(recipient, frames, ticks, messages),
    goodbyeGiven,
    clock,
    counters,
    readersMax: settings.historyReaders,
    queueMax: settings.historyQueue,
  })
  return {
    clients,
    extent: {
      canSeek(point) {
        if (!isAvailable()) return false
        if (!isFeed) return true
        // Beyond the room a client is told a gap: a crowd that comes back after a restart is not to wait for the feed.
        return clients.hasRoom && 'after' in point && point.after.epoch === numbering.epoch.name
      },
      get hasRoom() {
        return clients.hasRoom
      },
      holds: ({ serial }) => extent.holds(serial),
      holdsSince: receivedUs => extent.holdsSince(receivedUs),
    },
    attach(origin) {
      if (settings.historyReaders === 0) return
      isFeed = origin.isFeed === true
      thread = new HistoryThread({
        task: { origin, schema, tickBytesMax: settings.tickBytesMax },
        received: message => {
          if (message.type === 'failed') failures.failed(message.reason)
          clients.received(message)
        },
        died: () => clients.died(),
        clock,
        log,
      })
    },
    async stop() {
      clients.stop()
      await thread?.stop()
    },
  }
}
