/**
 * A handler in a process of its own, which a test can stop and hold up. Told what to do by messages, each of which it answers.
 */
import type { HandlerOptions } from '../../src/config/config.js'
import { HandlerServer, quote } from './handler-server.js'

/** What the process is told to do. */
export type PausableRequest =
  | { readonly type: 'start'; readonly options: Partial<HandlerOptions>; readonly laneFile?: string }
  /** Pushes ticks all the time from now on. */
  | { readonly type: 'feed' }
  /** Pushes ticks until so many clients have not taken all. */
  | { readonly type: 'fill'; readonly blocked: number }
  /** Does nothing else for so long. */
  | { readonly type: 'hold-up'; readonly ms: number }
  | { readonly type: 'counters' }
  /** Resident memory, bytes. */
  | { readonly type: 'rss' }

let server: HandlerServer
let sequence = 0

async function obey(request: PausableRequest): Promise<unknown> {
  switch (request.type) {
    case 'start':
      server = await HandlerServer.start(
        request.options,
        request.laneFile === undefined ? {} : { laneFile: request.laneFile },
      )
      return server.port
    case 'feed':
      setInterval(() => {
        if (server.handler.broadcastTick(quote('A', sequence + 1))) sequence++
      }, 5)
      return undefined
    case 'fill':
      while (server.count('writesBlocked') < request.blocked) sequence += await server.pushUntilBlocked()
      return undefined
    case 'hold-up': {
      const endMs = performance.now() + request.ms
      while (performance.now() < endMs);
      return undefined
    }
    case 'counters':
      return server.handler.getMetrics().counters
    case 'rss':
      return process.memoryUsage.rss()
  }
}

process.on('message', (request: PausableRequest) => {
  obey(request).then(
    answer => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
