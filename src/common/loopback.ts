/**
 * Says whether a host is this machine itself. Any thread. Pure.
 */

/** @param host a name or an address. A name other than localhost may lead anywhere */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/i.test(host) || host === '::1'
}
