/**
 * The certificate with which clients are served, read anew when its files change. Main thread.
 * The files are read every ten seconds and compared: that also finds a file that was put in place of another one, as
 * container platforms and ACME clients do, and costs nothing worth a watcher for each kind of file system.
 */
import { createSecureContext } from 'node:tls'
import type { TlsServerFiles } from '../clients/client-server.js'
import type { Clock, Timer } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { readSettingFile, wrongFile } from './setting-file.js'

export type CertificateSettings = Pick<Config, 'tlsCert' | 'tlsKey' | 'tlsClientCa'>

export interface ServerCertificateDeps {
  readonly clock: Clock
  readonly log: Log
  /** Takes the new files. */
  readonly use: (files: TlsServerFiles) => void
}

const LOOK_INTERVAL_MS = 10_000

export class ServerCertificate {
  private readonly settings: CertificateSettings
  private readonly deps: ServerCertificateDeps
  private files: TlsServerFiles
  private looks: Timer | undefined
  /** The look that is under way. */
  private looking: Promise<void> | undefined
  /** The fault that is in the log already. */
  private fault: string | undefined

  private constructor(settings: CertificateSettings, files: TlsServerFiles, deps: ServerCertificateDeps) {
    this.settings = settings
    this.files = files
    this.deps = deps
  }

  /**
   * Reads the files that the settings name, and looks again every ten seconds.
   *
   * @returns undefined when the settings name none
   * @throws RingcastError `config_invalid` when a file cannot be read, or holds something else
   */
  static async open(
    settings: CertificateSettings,
    deps: ServerCertificateDeps,
  ): Promise<ServerCertificate | undefined> {
    if (settings.tlsCert === undefined) return undefined
    const certificate = new ServerCertificate(settings, await readFiles(settings), deps)
    certificate.looks = deps.clock.every(LOOK_INTERVAL_MS, () => void certificate.reload())
    return certificate
  }

  get current(): TlsServerFiles {
    return this.files
  }

  /** Looks at once. Wrong files are logged, and the files from before stay in use. */
  reload(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined
    })
    return this.looking
  }

  close(): void {
    this.looks?.cancel()
  }

  private async look(): Promise<void> {
    const { log, use } = this.deps
    try {
      const files = await readFiles(this.settings)
      this.fault = undefined
      if (areEqual(files, this.files)) return
      use(files)
      this.files = files
      log.info({}, 'the TLS certificate has changed: new connections get the new one')
    } catch (error) {
      const fault = error instanceof RingcastError ? error.message : String(error)
      if (fault !== this.fault) log.error({}, `the TLS certificate stays as it was: ${fault}`)
      this.fault = fault
    }
  }
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
