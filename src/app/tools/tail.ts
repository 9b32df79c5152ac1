/**
 * `ringcast tail`: prints the ticks of a gateway, and follows them over reconnects. Main thread.
 * The client library tells each loss as an item, so what is printed is exact.
 */
import { clientWebSocket } from '../../common/guarded-web-socket.js'
import type { TailConfig } from '../../config/config.js'
import { connect, type Item, type TickHead } from './client-sdk.js'
import { ItemText, type TextItem } from './item-text.js'
import { readToken, readToolFile } from './tool-file.js'
import type { ToolHost } from './tool-host.js'

/** @returns the exit code. @throws RingcastError `config_invalid` when a file cannot be read */
export async function tail(config: TailConfig, host: ToolHost): Promise<0 | 1> {
  const { count = Number.POSITIVE_INFINITY, resume, tlsCa, tokenFile, url } = config
  const WebSocket = clientWebSocket(tlsCa === undefined ? {} : { ca: readToolFile('--tls-ca', tlsCa) })
  // A wrong file is reported before anything is printed.
  if (tokenFile !== undefined) readToken('--token-file', tokenFile)
  const stream = connect<TickHead>(url, {
    WebSocket,
    ...(resume === undefined ? {} : { resume }),
    ...(tokenFile === undefined ? {} : { getToken: () => readToken('--token-file', tokenFile) }),
  })
  const { delivery, entries, interval, since, snapshot } = config
  const subscription = stream.subscribe(entries, {
    delivery,
    ...(interval === undefined ? {} : { interval }),
    ...(since === undefined ? {} : { since }),
    snapshot: snapshot || delivery === 'latest',
  })
  const text = new ItemText(host.hasColours)
  const end = () => subscription.close()
  host.signal.addEventListener('abort', end)
  let ticks = 0
  let position = resume
  let exitCode: 0 | 1 = 0
  try {
    for await (const item of subscription) {
      const kept = firstTicks(item, count - ticks, position)
      if ('ticks' in kept) {
        ticks += kept.ticks.length
        position = kept.position
      }
      if (config.json) host.out(`${JSON.stringify(kept)}\n`)
      else {
        host.out(text.ofTicks(kept))
        host.err(text.ofOthers(kept))
      }
      if (ticks >= count || host.signal.aborted) break
    }
  } catch (error) {
    exitCode = 1
    host.err(`${error instanceof Error ? error.message : String(error)}\n`)
  } finally {
    host.signal.removeEventListener('abort', end)
    stream.close()
  }
  host.err(summary(ticks, position))
  return exitCode
}

/**
 * The item with at most so many ticks.
 *
 * @param before the position behind the item before: where a later run gets the ticks that are left out; undefined: nobody knows
 */
function firstTicks(item: Item<TickHead>, most: number, before: string | undefined): TextItem {
  if (!('ticks' in item) || item.ticks.length <= most) return item
  const { position, ...rest } = item
  return { ...rest, ticks: item.ticks.slice(0, most), ...(before === undefined ? {} : { position: before }) }
}

function summary(ticks: number, position: string | undefined): string {
  const place = position === undefined ? '' : `; go on with --resume=${position}`
  return `${ticks} ticks${place}\n`
}
