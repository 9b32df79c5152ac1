/** The storm of a cluster finds each guard that is taken out. */
import { afterEach, expect, it } from 'vitest'
import { noNatsServer } from '../support/nats-server.js'
import { clusterStorm } from './cluster-storm.js'
import { FAULTS, type Fault } from './faults.js'
import { Mutant, type MutantSpec } from './mutant.js'

const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_261_129)

const fault = (name: string): Fault => FAULTS.find(each => each.name === name)!
const RELAY_STOPPED = fault('active relay: stopped for seconds')
const RELAY_KILLED = fault('active relay: kill -9')
const FEED_KILLED = fault('feed: kill -9')
const NATS_KILLED = fault('nats-server: kill -9')
const GATEWAY_KILLED = fault('gateway: kill -9')

const MUTANTS: readonly (MutantSpec & { readonly faults: readonly Fault[] })[] = [
  {
    name: 'a lease without a fence',
    file: 'src/sources/nats/tick-stream.js',
    changes: [
      ['head.append(EXPECTED_LAST_SEQUENCE, String(after.sequence));', ''],
      ['head.append(EXPECTED_LAST_ID, after.id);', '{}'],
    ],
    faults: [RELAY_STOPPED, RELAY_STOPPED, RELAY_STOPPED],
  },
  {
    name: 'repeated ticks are not dropped',
    file: 'src/ingest/feed-positions.js',
    changes: [
      ['before - position;\n            return SEEN;', 'before - position;\n            return WHOLE;'],
    ],
    faults: [FEED_KILLED, RELAY_KILLED, FEED_KILLED],
  },
  {
    name: 'a gateway that reads the stream again leaves out a message',
    file: 'src/sources/nats/stream-place.js',
    changes: [['return { sequence: last.sequence + 1 };', 'return { sequence: last.sequence + 2 };']],
    faults: [NATS_KILLED, NATS_KILLED, NATS_KILLED],
  },
  {
    name: 'a relay asks the feed for a later position than the next one',
    file: 'src/sources/grpc/grpc-source.js',
    changes: [['positionAfter(sink.lastPosition())', 'positionAfter(sink.lastPosition()) + 60']],
    faults: [RELAY_KILLED, RELAY_KILLED, FEED_KILLED],
  },
  {
    name: 'a client resumes one tick too far',
    file: 'src/ingest/stream-numbering.js',
    changes: [['run.serial + offset - run.offset', 'run.serial + offset - run.offset + 1']],
    faults: [GATEWAY_KILLED],
  },
]

let mutant: Mutant | undefined

afterEach(() => mutant?.remove())

it.skipIf(noNatsServer !== undefined).each(MUTANTS)(
  'finds this: $name',
  async ({ faults, ...spec }) => {
    mutant = new Mutant(spec)
    const result = await clusterStorm({
      seed: SEED,
      clients: 20,
      sdkClients: 0,
      schedule: faults.map(each => [each]),
      ticksPerSecond: 150,
      main: mutant.main,
      signal: AbortSignal.timeout(170_000),
      say: () => {},
    })
    process.stdout.write(`${spec.name}: ${result.silentErrors[0] ?? 'not found'}\n`)
    expect(result.silentErrors.length).toBeGreaterThan(0)
  },
  180_000,
)
