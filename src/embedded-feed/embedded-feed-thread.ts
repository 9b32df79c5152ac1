/**
 * The thread of an embedded feed: runs it, and tells the main thread its port, its end and its failure.
 * It ends when it is told to stop.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { invariant, type RingcastError } from '../common/errors.js'
import { type FeedThreadMessage, STOP_FEED } from './embedded-feed.js'
import { type FeedSettings, feedFailure, runFeed } from './run-feed.js'

invariant(parentPort !== null, 'an embedded feed runs in a thread')
const port = parentPort

function tell(message: FeedThreadMessage): void {
  port.postMessage(message)
}

function tellFailure(error: RingcastError): void {
  tell({ type: 'failed', code: error.code, message: error.message })
}

const starting = runFeed({
  ...(workerData as FeedSettings),
  onEnd: ticks => tell({ type: 'ended', ticks }),
  onFailure: tellFailure,
})

port.on('message', async (message: unknown) => {
  if (message !== STOP_FEED) return
  try {
    const feed = await starting
    await feed.stop()
  } finally {
    // Closing the port lets the thread end by itself.
    port.close()
  }
})

try {
  const feed = await starting
  tell({ type: 'listening', port: feed.port, epoch: feed.epoch })
} catch (error) {
  tellFailure(feedFailure(error))
}
