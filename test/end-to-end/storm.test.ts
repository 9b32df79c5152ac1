/**
 * The interplay: clients that change what they want all the time, stop reading, go away and resume, under load, while lanes die.
 * Whatever happens, every tick that a client is due reaches it once and in order, or it is told that it does not.
 */
import { it } from 'vitest'
import { extent } from '../support/extent.js'
import { FeedRecord } from '../support/feed-record.js'
import { figure } from '../support/figure.js'
import { MANY, rage, type Storm } from '../support/rage.js'

const DEATHS = ['throws-before-publish', 'exits', 'throws-in-decode', 'throws-after-publish']

/** Rages, and tells the figure of this fault. */
async function tell(storm: Storm): Promise<void> {
  const { happened, offset } = await rage(storm)
  figure(`${happened.laneRestarts} lanes died, ${happened.resumed} resumes, ${offset} ticks`)
}

it('has no silent error while clients change, pause, leave and resume', async () => {
  const steps = extent(600, 3000)
  const happens = {
    ticks: 3 * steps,
    merged: steps / 3,
    resumed: steps / 150,
    resumedByCommand: steps / 30,
    snapshots: steps / 30,
    mergedSnapshots: steps / 150,
  }
  await tell({ steps, happens, options: { poolSize: 2 }, resumeChance: 0.2, hasSdkClients: true })
})

it.each(extent(['exits'], DEATHS))(
  'has no silent error while lanes die in the midst of that: %s',
  async laneFile => {
    const steps = extent(300, 750)
    const happens = { laneRestarts: 1, resumed: 1, resumedByCommand: steps / 60 }
    await tell({ steps, happens, options: { poolSize: 2 }, laneFile, resumeChance: 0.2 })
  },
)

it('has no silent error while lanes die in the midst of snapshots', async () => {
  const steps = extent(300, 750)
  await tell({
    steps,
    happens: { laneRestarts: 2, mergedSnapshots: steps / 150 },
    options: { poolSize: 2, turnBytesMax: 4096 },
    laneFile: 'exits-in-snapshot',
    resumeChance: 0.2,
    record: new FeedRecord(MANY),
    entries: [...MANY.slice(0, 4), '*', 'A*', 'B*', 'AA*', 'AB*', 'BA*'],
    everyChance: 0.3,
  })
})

it.each(extent(['exits'], [undefined, 'exits']))(
  'has no silent error where those who do not read fall out of tiny rings, with lanes: %s',
  async laneFile => {
    const options = { poolSize: 3, frameRingBytes: 256 * 1024, turnBytesMax: 4096, tickLogBytes: 1 << 18 }
    const steps = extent(800, 4000)
    const happens = { lapped: 1, writesBlocked: steps / 200, mergedSnapshots: steps / 400 }
    await tell({
      steps,
      happens,
      options,
      laneFile,
      resumeChance: 0.01,
      hasSdkClients: laneFile === undefined,
    })
  },
)

it.each(extent(['exits'], [undefined, 'exits']))(
  'has no silent error where those who come and go share what the others wait for, with lanes: %s',
  async laneFile => {
    const few = { entries: ['*', 'A*'], everyChance: 0.05, intervalsMs: [20] }
    const steps = extent(600, 3000)
    const happens = { merged: steps / 30 }
    await tell({ steps, happens, options: { poolSize: 1 }, laneFile, resumeChance: 0.2, ...few })
  },
)
