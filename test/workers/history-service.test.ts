import { expect, it } from 'vitest'
import { HistoryService, type HistoryServiceDeps } from '../../workers/history-service.js'

it('a reading that nobody needs any more is told so, also while it is being opened', async () => {
  const sent: unknown[] = []
  let ending: AbortSignal | undefined
  const service = new HistoryService({
    history: {
      open: (_, signal) =>
        new Promise((_, reject) => {
          ending = signal
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
      close: async () => {},
    },
    send: (message: unknown) => void sent.push(message),
  } as Partial<HistoryServiceDeps> as HistoryServiceDeps)
  const opening = service.take({ type: 'open', reading: 1, point: { sinceUs: 1 } })
  expect(ending?.aborted).toBe(false)
  await service.take({ type: 'close', reading: 1 })
  expect(ending?.aborted).toBe(true)
  await opening
  expect(sent).toEqual([])
})
