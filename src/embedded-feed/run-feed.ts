/**
 * A whole feed: a supply of ticks, their history, and the server. Any thread; the `ringcast feed` command and the
 * embedded feed both run it. What is started is stopped in reverse.
 */
import { type Clock, systemClock } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { CsvReplay } from './csv-replay.js'
import { FeedServer } from './feed-server.js'
import { SyntheticTicks } from './synthetic-ticks.js'
import { TickHistory } from './tick-history.js'
import { TickPump } from './tick-pump.js'
import type { TickSupply } from './tick-supply.js'

/** Plain values, so that they can be handed to a thread. */
export interface FeedSettings {
  /** 'host:port'; port 0: any free one. Default 'localhost:50051'. */
  readonly listen?: string
  /** Synthetic symbols. Default 100. */
  readonly symbols?: number
  /** Synthetic ticks per second; 0: as fast as subscribers read. Default 1,000. */
  readonly rate?: number
  /** Of the synthetic ticks. Default 1. */
  readonly seed?: number
  /** A CSV file, plain or gzip, in place of synthetic ticks. */
  readonly replay?: string
  /** Of the replay: 1 as recorded, 0 as fast as subscribers read. Default 1. */
  readonly speed?: number
  /** Whether the replay begins again at its end, with sequences and times that go on rising. Default true. */
  readonly loop?: boolean
  /** Ticks from which a subscriber can go on, a power of two. Default 262,144. */
  readonly historyTicks?: number
  /** Whether the first tick waits for the first subscriber. Default false; at rate or speed 0 it always waits. */
  readonly waitForReader?: boolean
  /**
   * Whether ticks wait for the slowest subscriber, and while there is none, in place of leaving the history unsent.
   * For a feed of one subscriber, since one that stands still stops it for all. Default false.
   */
  readonly holdForReader?: boolean
}

export interface FeedOptions extends FeedSettings {
  readonly clock?: Clock
  readonly log?: Log
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number
  /** The replay has ended (not in a loop), with this many ticks. Subscribers stay connected. */
  readonly onEnd?: (ticks: number) => void
  /** The feed makes no more ticks, and is to be stopped. */
  readonly onFailure?: (error: RingcastError) => void
}

export interface RunningFeed {
  readonly port: number
  readonly epoch: string
  /** Ticks made so far, which is the last position. */
  tickCount(): number
  stop(): Promise<void>
}

export const FEED_LISTEN_DEFAULT = 'localhost:50051'
/** Spaces the due times of ticks that nobody waits for. */
const UNPACED_RATE = 100_000

/** Resolves once it listens. Throws `option_invalid`, `feed_file_invalid` or `listen_failed`. */
export async function runFeed(options: FeedOptions): Promise<RunningFeed> {
  const clock = options.clock ?? systemClock
  const speed = speedOf(options)
  const history = new TickHistory(options.historyTicks)
  const supply = await openSupply(options, clock)
  const server = new FeedServer({
    history,
    clock,
    onWaiting: () => pump.readerWaits(),
    log: options.log,
    reservedFrom: options.reservedFrom,
  })
  const pump = new TickPump({
    supply,
    history,
    server,
    clock,
    speed,
    stampsNow: options.replay === undefined,
    waitsForReader: options.waitForReader ?? false,
    holdsForReader: options.holdForReader ?? false,
    onEnd: () => options.onEnd?.(history.newest),
    onFailure: error => options.onFailure?.(feedFailure(error)),
  })

  let port: number
  try {
    port = await server.listen(options.listen ?? FEED_LISTEN_DEFAULT)
  } catch (error) {
    await supply.close()
    throw error
  }
  pump.start()
  return {
    port,
    epoch: server.epoch,
    tickCount: () => history.newest,
    async stop() {
      pump.stop()
      await server.close()
      await supply.close()
    },
  }
}

async function openSupply(options: FeedOptions, clock: Clock): Promise<TickSupply> {
  if (options.replay !== undefined)
    return await CsvReplay.open(options.replay, { loop: options.loop ?? true })
  return new SyntheticTicks({
    symbols: options.symbols ?? 100,
    rate: options.rate === 0 ? UNPACED_RATE : (options.rate ?? 1_000),
    seed: options.seed ?? 1,
    startUs: clock.epochUs(),
  })
}

/** The synthetic ticks' rate is in their due times already. */
function speedOf(options: FeedOptions): number {
  if (options.replay === undefined) return options.rate === 0 ? 0 : 1
  const speed = options.speed ?? 1
  if (!(speed >= 0 && Number.isFinite(speed))) {
    throw new RingcastError(
      'option_invalid',
      `the replay speed must be a number from 0 up, got ${quoteValue(speed)}`,
    )
  }
  return speed
}

/** Any error as one that says what became of the feed. */
export function feedFailure(error: unknown): RingcastError {
  if (error instanceof RingcastError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new RingcastError('feed_failed', `the feed has failed and must be started again: ${reason}`, {
    cause: error,
  })
}
