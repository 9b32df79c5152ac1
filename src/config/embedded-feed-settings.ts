/** The settings of the embedded feed, and of `ringcast feed`. Any thread. */
import { decimal, filePath, flag, listenAddress, powerOfTwo, whole } from './setting-types.js'

export const embeddedFeedSettings = {
  feedListen: listenAddress('Where `ringcast feed` listens', { initial: 'localhost:50051' }),
  feedSymbols: whole('Symbols of the synthetic feed', { min: 1, max: 10_000, initial: 50 }),
  feedRate: whole('Mean ticks per second of the synthetic feed, in bursts; 0: as fast as they are read', {
    min: 0,
    max: 10_000_000,
    initial: 1000,
  }),
  feedSeed: whole('Seed of the synthetic feed: the same seed, the same ticks', {
    min: 0,
    max: 4_294_967_295,
    initial: 1,
  }),
  feedReplay: filePath('Recorded ticks (CSV, gzip or not) to replay; unset: synthetic ticks'),
  feedSpeed: decimal('Speed of the replay: 1 as recorded, 2 twice as fast, 0 as fast as it is read', {
    min: 0,
    max: 1_000_000,
    initial: 1,
  }),
  feedLoop: flag('Begin the replay anew at its end', { initial: true }),
  feedHistoryTicks: powerOfTwo('Ticks that the feed keeps for readers that reconnect', {
    min: 1024,
    max: 16_777_216,
    initial: 262_144,
  }),
}
