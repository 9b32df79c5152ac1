/**
 * What `/metrics` of a relay shows. Main thread.
 */
import type { Checks } from '../admin/admin-view.js'
import { type MetricFamily, PROCESS_FAMILIES } from '../metrics/metric-families.js'
import type { ProcessView } from '../metrics/process-watch.js'
import { prometheusText } from '../metrics/prometheus.js'
import type { RelayCounters } from '../relay/relay-counters.js'
import { STATE_FAMILIES } from './prometheus-page.js'

export interface ShownRelay {
  readonly checks: Checks
  readonly ready: boolean
  readonly isActive: boolean
  readonly counters: RelayCounters
  readonly runtime: ProcessView
}

const COUNTERS: Readonly<Record<keyof RelayCounters, readonly [name: string, help: string]>> = {
  messagesReceived: ['messages_received', 'Messages of the feed.'],
  ticksReceived: ['ticks_received', 'Ticks of the feed.'],
  ticksMalformed: ['ticks_malformed', 'Ticks that could not be read.'],
  ticksRepeated: ['ticks_repeated', 'Ticks that the feed has sent again.'],
  ticksLost: ['ticks_lost', 'Ticks for which there was no room while the stream took no messages.'],
  ticksWritten: ['ticks_written', 'Ticks that were handed to the writer of the stream.'],
  messagesWritten: ['messages_written', 'Messages that were handed to the writer of the stream.'],
  messagesStored: ['messages_stored', 'Messages that the stream has.'],
  upstreamPauses: ['upstream_pauses', 'Times the feed was paused because the stream did not keep up.'],
  upstreamReconnects: ['upstream_reconnects', 'Sessions with the feed after the first.'],
  terms: ['terms', 'Times this relay became the active one.'],
}

/** Labels: none besides those of the state. */
export const RELAY_FAMILIES: readonly MetricFamily<ShownRelay>[] = [
  {
    name: 'ringcast_relay_active',
    help: 'Whether this relay writes the stream: 1. Another one does: 0.',
    type: 'gauge',
    labels: [],
    read: ({ isActive }) => [{ labels: {}, value: Number(isActive) }],
  },
  ...(Object.keys(COUNTERS) as (keyof RelayCounters)[]).map((key): MetricFamily<ShownRelay> => {
    const [name, help] = COUNTERS[key]
    return {
      name: `ringcast_relay_${name}_total`,
      help,
      type: 'counter',
      labels: [],
      read: ({ counters }) => [{ labels: {}, value: counters[key] }],
    }
  }),
]

export function relayPage(relay: ShownRelay): Promise<string> {
  return prometheusText([
    ...STATE_FAMILIES.map(family => ({ family, samples: family.read({ process: 1, report: relay }) })),
    ...RELAY_FAMILIES.map(family => ({ family, samples: family.read(relay) })),
    ...PROCESS_FAMILIES.map(family => ({ family, samples: family.read(relay) })),
  ])
}
