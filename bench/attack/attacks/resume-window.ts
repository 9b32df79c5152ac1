/**
 * Does: one client subscribes to 900 symbols and unsubscribes from them, 46 times a second. The tick log is small: in an attack of
 * 60 s it holds the ticks of about 8 s.
 * Must: let clients resume from as far back as before, within 5 %.
 */
import type { Attack, AttackReport, Target } from '../attack.js'
import { change, changeOften } from '../changing-clients.js'
import { resumeWindow } from '../resume-probe.js'
import { Rounds } from '../rounds.js'
import { streamEpoch } from '../stream-epoch.js'

const SYMBOLS = 900
/** A quarter of a mebibyte for each 15 s of attack. With less the window is too short to be compared. */
const LOG_BYTES_MIN = 256 * 1024
const SECONDS_PER_LOG_MIN = 15
const SHARE_MIN = 0.95
/** The windows of two measurements differ by this much at random. */
const PRECISION_TICKS = 300
const MEASUREMENTS = 4

export const resumeWindowKept: Attack = {
  name: 'resume-window',
  does: `a client changes ${SYMBOLS} symbols all the time, where the tick log is small`,
  isOneLong: true,
  settings: seconds => [`--tick-log-bytes=${tickLogBytes(seconds)}`],
  rssMiBMax: 400,
  run,
}

const entries = Array.from({ length: SYMBOLS }, (_, index) => `CHANGE${index}`)
const commands = [change('subscribe', entries), change('unsubscribe', entries)]

function tickLogBytes(seconds: number): number {
  const doublings = Math.floor(Math.log2(Math.max(1, seconds / SECONDS_PER_LOG_MIN)))
  return LOG_BYTES_MIN * 2 ** doublings
}

async function run(target: Target): Promise<AttackReport> {
  const { port, seconds } = target
  const epoch = await streamEpoch(port)
  const quiet = await resumeWindow(port, epoch)
  const [attack, attacked] = await Promise.all([
    changeOften(target, { clients: 1, commands }),
    leastWindow(port, epoch, seconds),
  ])
  const violations = [...attack.violations]
  if (attacked < Math.min(quiet * SHARE_MIN, quiet - PRECISION_TICKS))
    violations.push(`clients could resume ${attacked} ticks, and ${quiet} before the attack`)
  return {
    done: `${attack.done}; a resume was whole over ${quiet} ticks before, and over ${attacked} meanwhile`,
    violations,
  }
}

/** The shortest of several windows during the attack. */
async function leastWindow(port: number, epoch: string, seconds: number): Promise<number> {
  const rounds = new Rounds(seconds)
  let least = Number.POSITIVE_INFINITY
  while (await rounds.next((seconds * 1000) / MEASUREMENTS))
    least = Math.min(least, await resumeWindow(port, epoch))
  return least
}
