/**
 * Assembles a feed: a supply of ticks, their history, the server, and the pump between them. Any thread.
 * The `ringcast feed` command and the embedded feed both run it.
 */
import { type Clock, systemClock, wallUs } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { CsvReplay } from './csv-replay.js'
import { FeedServer } from './feed-server.js'
import { SyntheticTicks } from './synthetic-ticks.js'
import { TickHistory } from './tick-history.js'
import { TickPump } from './tick-pump.js'
import type { TickSupply } from './tick-supply.js'

/** Plain values, so that they can be passed to a thread. */
export interface FeedSettings {
  /** 'host:port'; port 0: any free one. Default 'localhost:50051'. */
  readonly listen?: string
  /** Synthetic symbols. Default 100. */
  readonly symbols?: number
  /** Synthetic ticks per second; 0: as fast as subscribers read. Default 1,000. */
  readonly rate?: number
  /** Seed of the synthetic ticks. Default 1. */
  readonly seed?: number
  /** A CSV file, plain or gzip, in place of synthetic ticks. */
  readonly replay?: string
  /** Speed of the replay: 1 as recorded, 0 as fast as subscribers read. Default 1. */
  readonly speed?: number
  /** Whether the replay starts again at its end. Sequences and times continue to rise. Default true. */
  readonly loop?: boolean
  /** Ticks that the feed keeps for subscribers that reconnect, a power of two. Default 262,144. */
  readonly historyTicks?: number
  /** Whether the first tick waits for the first subscriber. Default false; at rate or speed 0 it always waits. */
  readonly waitForReader?: boolean
  /**
   * Whether new ticks wait until the slowest subscriber was sent the oldest ones, and wait while there is no
   * subscriber. For a feed with one subscriber: a paused subscriber pauses the feed for all. Default false.
   */
  readonly holdForReader?: boolean
}

export interface FeedOptions extends FeedSettings {
  readonly clock?: Clock
  readonly log?: Log
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number
  /** A replay without a loop has ended after this many ticks. Subscribers stay connected. */
  readonly onEnd?: (ticks: number) => void
  /** The feed has failed and makes no more ticks. The caller stops it. */
  readonly onFailure?: (error: RingcastError) => void
}

export interface RunningFeed {
  readonly port: number
  readonly epoch: string
  /** Ticks made so far; equals the last position. */
  tickCount(): number
  stop(): Promise<void>
}

export const FEED_LISTEN_DEFAULT = 'localhost:50051'
/** Rate of the due times when ticks are sent as fast as subscribers read. */
const UNPACED_RATE = 100_000

/**
 * Resolves when the feed listens.
 *
 * @throws RingcastError `option_invalid`, `feed_file_invalid` or `listen_failed`
 */
export async function runFeed(options: FeedOptions): Promise<RunningFeed> {
  const clock = options.clock ?? systemClock
  const speed = speedOf(options)
  const history = new TickHistory(options.historyTicks)
  const supply = await openSupply(options, clock)
  const server = new FeedServer({
    history,
    clock,
    onWaiting: () => pump.onReaderWaiting(),
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
    startUs: wallUs(clock),
  })
}

/** The due times of synthetic ticks already contain their rate. */
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

/** Any error as a `RingcastError` that says what to do. */
export function feedFailure(error: unknown): RingcastError {
  if (error instanceof RingcastError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new RingcastError('feed_failed', `the feed has failed and must be started again: ${reason}`, {
    cause: error,
  })
}
