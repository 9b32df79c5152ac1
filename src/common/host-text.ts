/**
 * Writes a host as a URL has it. Any thread. Pure.
 */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
