/**
 * Entry of the thread of an embedded feed. Runs the feed, and posts its port, its end and its failure to the main thread.
 * The thread ends when it receives `STOP_FEED`.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { invariant, type RingcastError } from '../common/errors.js'
import { type FeedThreadMessage, STOP_FEED } from './embedded-feed.js'
import { type FeedSettings, feedFailure, runFeed } from './run-feed.js'

invariant(parentPort !== null, 'an embedded feed runs in a thread')
const port = parentPort

function post(message: FeedThreadMessage): void {
  port.postMessage(message)
}

function postFailure(error: RingcastError): void {
  post({ type: 'failed', code: error.code, message: error.message })
}

const starting = runFeed({
  ...(workerData as FeedSettings),
  onEnd: ticks => post({ type: 'ended', ticks }),
  onFailure: postFailure,
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
  post({ type: 'listening', port: feed.port, epoch: feed.epoch })
} catch (error) {
  postFailure(feedFailure(error))
}
