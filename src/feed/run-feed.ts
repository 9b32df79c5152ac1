/**
 * Stands in for the stand-alone feed until it is there: a socket that listens and answers nothing. Main thread.
 */
import { createServer } from 'node:net'
import type { Config } from '../config.js'
import type { Log } from '../log.js'

export interface RunFeedOptions {
  readonly config: Config
  readonly log: Log
}

export async function runFeed({
  config,
}: RunFeedOptions): Promise<{ address: string; stop(): Promise<void> }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, resolve))
  return {
    address: config.feedListen,
    stop: () => new Promise(resolve => server.close(() => resolve())),
  }
}
