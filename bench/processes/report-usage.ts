/**
 * Loaded before a process's own program (`node --import`): answers its parent's questions for CPU time and memory, so that
 * the program under test stays as it is. cpuUsage counts all threads.
 */
import { isMainThread } from 'node:worker_threads'

export interface Usage {
  readonly cpuUs: number
  readonly rssBytes: number
}

if (isMainThread && process.send !== undefined) {
  process.on('message', (question: { readonly id: number; readonly ask: string }) => {
    if (question.ask !== 'usage') return
    const { user, system } = process.cpuUsage()
    const usage: Usage = { cpuUs: user + system, rssBytes: process.memoryUsage.rss() }
    process.send?.({ id: question.id, answer: usage })
  })
  // The program decides when the process ends.
  process.channel?.unref()
}
