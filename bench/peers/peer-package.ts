/**
 * Packages of bench/peers/package.json, which the root does not install.
 */
import { createRequire } from 'node:module'

const fromPeers = createRequire(new URL('../../../bench/peers/package.json', import.meta.url))

/** The package's path; undefined when it is not installed. */
export function peerPackagePath(name: string): string | undefined {
  try {
    return fromPeers.resolve(name)
  } catch {
    return undefined
  }
}

/** The exports of the package, typed as `Exports`. */
export function peerPackage<Exports>(name: string): Exports {
  return fromPeers(name) as Exports
}
