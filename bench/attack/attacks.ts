import type { Attack } from './attack.js'
import { changes } from './attacks/changes.js'
import { halfOpen } from './attacks/half-open.js'
import { herd } from './attacks/herd.js'
import { inflation } from './attacks/inflation.js'
import { nesting } from './attacks/nesting.js'
import { ownSymbols } from './attacks/own-symbols.js'
import { pause } from './attacks/pause.js'
import { positions } from './attacks/positions.js'
import { prefixes } from './attacks/prefixes.js'
import { reconnects } from './attacks/reconnects.js'
import { refusals } from './attacks/refusals.js'
import { resumeWindowKept } from './attacks/resume-window.js'
import { shutdown } from './attacks/shutdown.js'
import { slowReaders } from './attacks/slow-readers.js'
import { snapshots } from './attacks/snapshots.js'
import { symbols } from './attacks/symbols.js'
import { unsubscribe } from './attacks/unsubscribe.js'

export const ATTACKS: readonly Attack[] = [
  nesting,
  symbols,
  unsubscribe,
  pause,
  slowReaders,
  positions,
  halfOpen,
  shutdown,
  refusals,
  prefixes,
  changes,
  snapshots,
  resumeWindowKept,
  reconnects,
  inflation,
  ownSymbols,
  herd,
]

export function attackNamed(name: string): Attack {
  const attack = ATTACKS.find(its => its.name === name)
  if (attack === undefined) throw new Error(`there is no attack ${name}`)
  return attack
}
