/**
 * Opens the guard of the admin port, with the token that the settings name. Main thread.
 */
import { AdminGuard } from '../admin/admin-guard.js'
import { systemClock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { isLoopback } from '../common/loopback.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { readSettingFile, wrongFile } from './setting-file.js'
import { WatchedFiles } from './watched-files.js'

export interface AdminAccess {
  readonly guard: AdminGuard
  /** Reads the token again. */
  reload(): Promise<void>
  close(): void
}

type AdminAccessSettings = Pick<Config, 'adminHost' | 'adminNames' | 'adminTokenFile'>

/** A shorter token could be guessed. */
const TOKEN_LENGTH_MIN = 16

/** @throws RingcastError `config_invalid` when the file cannot be read, or holds no token */
export async function openAdminAccess(settings: AdminAccessSettings, log: Log): Promise<AdminAccess> {
  const { adminHost: host, adminNames: names, adminTokenFile: path } = settings
  const files =
    path === undefined
      ? undefined
      : await WatchedFiles.open({
          clock: systemClock,
          log,
          what: 'the token of the admin port',
          read: () => readToken(path),
          areEqual: (one, other) => one === other,
          // The guard asks for the current one.
          use: () => {},
        })
  if (files === undefined && !isLoopback(host))
    log.warn(
      { host },
      `the admin port tells callers no more than the status of health checks: set ${variableOf('adminTokenFile')}`,
    )
  return {
    guard: new AdminGuard({ host, names, token: () => files?.current }),
    reload: async () => files?.reload(),
    close: () => files?.close(),
  }
}

async function readToken(path: string): Promise<string> {
  const token = (await readSettingFile('adminTokenFile', path)).toString().trim()
  if (/^\S+$/.test(token) && token.length >= TOKEN_LENGTH_MIN) return token
  throw wrongFile(
    `${variableOf('adminTokenFile')}=${path}: must hold a token of at least ${TOKEN_LENGTH_MIN} characters, without spaces`,
  )
}
