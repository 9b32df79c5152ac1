/**
 * Reads files that settings name. Main thread. An error names the setting.
 */
import { readFile } from 'node:fs/promises'
import { RingcastError } from '../common/errors.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'

/**
 * @param setting a path, or `@` and a path
 * @throws RingcastError `config_invalid` when it cannot be read
 */
export async function readSettingFile(key: keyof Config, setting: string): Promise<Buffer> {
  try {
    return await readFile(setting.replace(/^@/, ''))
  } catch (cause) {
    throw wrongFile(`${variableOf(key)}=${setting}: must be a file that can be read`, cause)
  }
}

export function wrongFile(message: string, cause?: unknown): RingcastError {
  return new RingcastError('config_invalid', message, { cause })
}
