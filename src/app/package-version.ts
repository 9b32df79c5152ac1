/** The version of the package. Any thread. */
import { readFileSync } from 'node:fs'

let version: string | undefined

/** Read from package.json, once. */
export function packageVersion(): string {
  version ??= (
    JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version
  return version
}
