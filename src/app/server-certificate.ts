/**
 * The certificate with which clients are served, read anew when its files change. Main thread.
 */
import { createSecureContext } from 'node:tls'
import type { TlsServerFiles } from '../clients/client-server.js'
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { readSettingFile, wrongFile } from './setting-file.js'
import { WatchedFiles } from './watched-files.js'

export type CertificateSettings = Pick<Config, 'tlsCert' | 'tlsKey' | 'tlsClientCa'>

export interface ServerCertificateDeps {
  readonly clock: Clock
  readonly log: Log
  /** Takes the new files. */
  readonly use: (files: TlsServerFiles) => void
}

/**
 * Reads the files that the settings name, and looks again every ten seconds.
 *
 * @returns undefined when the settings name none
 * @throws RingcastError `config_invalid` when a file cannot be read, or holds something else
 */
export async function openServerCertificate(
  settings: CertificateSettings,
  deps: ServerCertificateDeps,
): Promise<WatchedFiles<TlsServerFiles> | undefined> {
  if (settings.tlsCert === undefined) return undefined
  return await WatchedFiles.open({
    ...deps,
    what: 'the TLS certificate',
    read: () => readFiles(settings),
    areEqual,
  })
}

async function readFiles({ tlsCert, tlsClientCa, tlsKey }: CertificateSettings): Promise<TlsServerFiles> {
  const [cert, key, clientCa] = await Promise.all([
    readSettingFile('tlsCert', tlsCert!),
    readSettingFile('tlsKey', tlsKey!),
    tlsClientCa === undefined ? undefined : readSettingFile('tlsClientCa', tlsClientCa),
  ])
  try {
    createSecureContext({ cert, key, ca: clientCa })
  } catch (cause) {
    const names = [variableOf('tlsCert'), variableOf('tlsKey')]
    if (tlsClientCa !== undefined) names.push(variableOf('tlsClientCa'))
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw wrongFile(
      `${names.join(', ')}: must be PEM, and the key must be that of the certificate: ${reason}`,
      cause,
    )
  }
  return { cert, key, clientCa }
}

function areEqual(one: TlsServerFiles, other: TlsServerFiles): boolean {
  const isSame = (a: Buffer | undefined, b: Buffer | undefined) =>
    a === b || (a !== undefined && b !== undefined && a.equals(b))
  return isSame(one.cert, other.cert) && isSame(one.key, other.key) && isSame(one.clientCa, other.clientCa)
}
