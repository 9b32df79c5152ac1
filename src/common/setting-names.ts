/**
 * The names that one setting has: its key in the code, its flag, its variable. Any thread. Pure.
 */

/** `maxClients` → `max-clients`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

/** `maxClients` → `RINGCAST_MAX_CLIENTS`. */
export function variableOf(key: string): string {
  return `RINGCAST_${flagOf(key).replaceAll('-', '_').toUpperCase()}`
}
