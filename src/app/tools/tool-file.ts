/** Reads the files that flags of tools name. Main thread. */
import { readFileSync } from 'node:fs'
import { RingcastError } from '../../common/errors.js'

/** @throws RingcastError `config_invalid` */
export function readToolFile(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new RingcastError('config_invalid', `${flag}=${path}: must be a file that can be read`, { cause })
  }
}

/** @throws RingcastError `config_invalid` */
export function readToken(flag: string, path: string): string {
  const token = readToolFile(flag, path).toString().trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new RingcastError('config_invalid', `${flag}=${path}: must hold a token, without spaces`)
}
