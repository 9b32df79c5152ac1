/**
 * Warns of a gateway that lets everybody in. Main thread.
 */
import type { Log } from '../common/log.js'
import { isLoopback } from '../common/loopback.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'

export function warnOfOpenDoor({ auth, host, tlsClientCa }: Config, log: Log): void {
  if (auth !== 'none' || tlsClientCa !== undefined || isLoopback(host)) return
  log.warn(
    { host },
    `WARNING: everybody who reaches ${host} gets every tick, because ${variableOf('auth')} is none. ` +
      `Set ${variableOf('auth')}=jwt, listen on ${variableOf('host')}=127.0.0.1, or let a proxy decide who may connect`,
  )
}
