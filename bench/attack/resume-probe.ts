/**
 * Finds how far back clients can resume. Attacker's process.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandClient } from './command-client.js'

/** The oldest offset is found to so many ticks. */
const PRECISION_TICKS = 64
const PROBE_EVERY_MS = 100
const REPLY_MS_MAX = 10_000

/** The end of one resume. */
interface Resume {
  readonly isWhole: boolean
  /** The newest offset of the stream at that time. */
  readonly newest: number
}

/** The ticks between the newest one and the oldest that a client can resume from, to about the ticks of PROBE_EVERY_MS. */
export async function resumeWindow(port: number, epoch: string): Promise<number> {
  const offset = await oldestWhole(port, epoch)
  for (;;) {
    const { isWhole, newest } = await resume(port, epoch, offset)
    if (!isWhole) return newest - offset
    await sleep(PROBE_EVERY_MS)
  }
}

/** About the oldest offset from which a resume is whole. */
async function oldestWhole(port: number, epoch: string): Promise<number> {
  const { newest } = await resume(port, epoch, 0)
  let [lost, whole] = [-1, newest]
  while (whole - lost > PRECISION_TICKS) {
    const middle = Math.floor((lost + whole) / 2)
    if ((await resume(port, epoch, middle)).isWhole) whole = middle
    else lost = middle
  }
  return whole
}

/** Resumes without any symbol of the feed, so that the gateway reads the ticks and sends none. */
async function resume(port: number, epoch: string, offset: number): Promise<Resume> {
  let resolve: (resume: Resume) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const ended = new Promise<Resume>((...both) => {
    ;[resolve, reject] = both
  })
  const late = setTimeout(
    () => reject(new Error(`a resume from ${offset} took more than ${REPLY_MS_MAX} ms`)),
    REPLY_MS_MAX,
  )
  const client = await CommandClient.connect({
    port,
    query: `?symbols=NONE&resume=${epoch}:${offset}`,
    onMessage: message => {
      if (message.type === 'subscribed' && message.resumed === false)
        resolve({ isWhole: false, newest: message.offset })
      else if (message.type === 'gap') resolve({ isWhole: false, newest: message.to })
      else if (message.type === 'live') resolve({ isWhole: true, newest: message.offset })
    },
  })
  try {
    return await ended
  } finally {
    clearTimeout(late)
    client.connection.end()
  }
}
