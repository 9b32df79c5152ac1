/**
 * What an operator must know at the start: the size of the gateway, and warnings about settings that will bite later.
 * Main thread. Pure. The limit of open files has its warning in gateway.ts, the admin port in admin-access.ts.
 */
import { layoutOf } from '../broadcaster/broadcaster.js'
import { isLoopback } from '../common/loopback.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { latestStoreBytes } from '../memory/latest-store.js'
import { tickLogBytes } from '../memory/tick-log-memory.js'
import { marketCodec } from '../ticks/market-codec.js'

export interface Machine {
  readonly processors: number
  /** What the process may use, of the machine or of its container. */
  readonly memoryBytes: number
}

export interface StartWarning {
  readonly details: object
  readonly message: string
}

const MiB = 1 << 20
/** Measured: Node, the code and one idle lane. */
const IDLE_BYTES = 95 * MiB
/** Above this share of the memory, nothing is left for clients and for other programs. */
const MEMORY_SHARE_MAX = 0.75

/** The size of the gateway, of all its processes together. @param maxClients places that there really are */
export function startDetails(config: Config, maxClients: number): object {
  const { poolSize, processes } = config
  return {
    lanes: poolSize * processes,
    maxClients,
    memoryMiB: Math.round(fixedBytes(config) / MiB),
  }
}

export function startWarnings(config: Config, { memoryBytes, processors }: Machine): StartWarning[] {
  const { auth, host, poolSize, processes, tlsClientCa } = config
  const warnings: StartWarning[] = []
  const lanes = poolSize * processes
  if (lanes > processors) {
    warnings.push({
      details: { lanes, processors },
      message: `${lanes} lanes share ${processors} processors: they take time from one another and from the main thread; lower ${variableOf('poolSize')}`,
    })
  }
  const bytes = fixedBytes(config)
  if (bytes > memoryBytes * MEMORY_SHARE_MAX) {
    warnings.push({
      details: { neededMiB: Math.round(bytes / MiB), memoryMiB: Math.round(memoryBytes / MiB) },
      message:
        'the rings take most of the memory that there is, and the system may end the process when they are full; ' +
        `lower ${variableOf('tickLogBytes')}, ${variableOf('frameRingBytes')}, ${variableOf('latestBytes')} or the number of lanes`,
    })
  }
  if (auth === 'none' && tlsClientCa === undefined && !isLoopback(host)) {
    warnings.push({
      details: { host },
      message:
        `clients are not authenticated: everybody who reaches ${variableOf('port')} gets every tick. ` +
        `Set ${variableOf('auth')}=jwt or ${variableOf('tlsClientCa')}, or put a proxy in front and set ${variableOf('host')}=127.0.0.1`,
    })
  }
  return warnings
}

/** Memory that the settings fix, whatever clients do. */
function fixedBytes(config: Config): number {
  const lane = layoutOf(config, marketCodec).totalBytes + latestStoreBytes(config.latestBytes)
  return config.processes * (IDLE_BYTES + tickLogBytes(config.tickLogBytes) + config.poolSize * lane)
}
