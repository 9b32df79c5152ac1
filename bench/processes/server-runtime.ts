/**
 * How a server is run for a plan: with a core before all other processes, and with profiles.
 */
import type { Runtime } from './child.js'
import { inRealTime } from './real-time.js'
import type { ServerKind } from './server-kinds.js'

export interface RuntimeWishes {
  readonly profileFolder?: string | undefined
  readonly realTime?: boolean
}

export function runtimeOf(kind: ServerKind, { profileFolder, realTime }: RuntimeWishes): Runtime {
  const runtime = realTime ? inRealTime(kind.runtime) : kind.runtime
  if (profileFolder === undefined || kind.runtime.executable !== undefined) return runtime
  return {
    ...runtime,
    options: [...(runtime.options ?? []), '--cpu-prof', `--cpu-prof-dir=${profileFolder}`],
  }
}
