/**
 * Checks the tokens of clients with the keys that the settings name. Main thread.
 */
import type { Authenticate } from '../clients/access/identity.js'
import { systemClock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import { isUrl } from '../config/access-settings.js'
import type { Config } from '../config/config.js'
import { RemoteKeys } from '../tokens/remote-keys.js'
import { tokenAuthenticator } from '../tokens/token-authenticator.js'
import { publicKeys, ReplaceableKeys, secretKeys, type TokenKeys, WrongKeys } from '../tokens/token-keys.js'
import { readSettingFile, wrongFile } from './setting-file.js'
import { WatchedFiles } from './watched-files.js'

export interface TokenAccess {
  readonly authenticate: Authenticate
  /** Reads or fetches the keys again. */
  reload(): Promise<void>
  close(): void
}

type KeySource = Omit<TokenAccess, 'authenticate'> & { readonly keys: TokenKeys }

/**
 * @returns undefined: the settings let everybody in
 * @throws RingcastError `config_invalid` when a file cannot be read, or holds no keys
 */
export async function openTokenAccess(config: Config, log: Log): Promise<TokenAccess | undefined> {
  if (config.auth === 'none') return undefined
  const source = await openKeys(config, log)
  const rules = {
    issuer: config.authIssuer,
    audience: config.authAudience,
    toleranceMs: config.authClockToleranceMs,
  }
  return {
    authenticate: tokenAuthenticator(source.keys, rules, systemClock),
    reload: () => source.reload(),
    close: () => source.close(),
  }
}

async function openKeys({ authJwks, authSecretFile }: Config, log: Log): Promise<KeySource> {
  if (authJwks === undefined) return openFile('authSecretFile', authSecretFile!, secretKeys, log)
  if (!isUrl(authJwks)) return openFile('authJwks', authJwks, text => publicKeys(text.toString()), log)
  return new RemoteKeys({ url: authJwks, clock: systemClock, log })
}

async function openFile(
  key: 'authSecretFile' | 'authJwks',
  path: string,
  keysOf: (text: Buffer) => TokenKeys,
  log: Log,
): Promise<KeySource> {
  const read = async () => {
    const text = await readSettingFile(key, path)
    return { text, keys: checked(() => keysOf(text), `${variableOf(key)}=${path}`) }
  }
  const files = await WatchedFiles.open({
    clock: systemClock,
    log,
    what: 'the key of the tokens',
    read,
    areEqual: (one, other) => one.text.equals(other.text),
    use: ({ keys: now }) => keys.replace(now),
  })
  const keys = new ReplaceableKeys(files.current.keys)
  return { keys, reload: () => files.reload(), close: () => files.close() }
}

function checked(keysOf: () => TokenKeys, name: string): TokenKeys {
  try {
    return keysOf()
  } catch (error) {
    if (!(error instanceof WrongKeys)) throw error
    throw wrongFile(`${name}: ${error.message}`, error)
  }
}
