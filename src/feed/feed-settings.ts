/**
 * What the config says of the embedded feed, in the feed's own words. Pure.
 */
import type { Config } from '../config.js'
import type { FeedSettings } from './run-feed.js'

/** @param listen 'host:port'; port 0: any free one */
export function feedSettings(config: Config, listen: string): FeedSettings {
  return {
    listen,
    symbols: config.feedSymbols,
    rate: config.feedRate,
    seed: config.feedSeed,
    speed: config.feedSpeed,
    loop: config.feedLoop,
    historyTicks: config.feedHistoryTicks,
    // Whoever replays a file wants to see it from its first tick.
    waitForReader: config.feedReplay !== undefined,
    ...(config.feedReplay === undefined ? {} : { replay: config.feedReplay }),
  }
}
