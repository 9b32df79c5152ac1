/**
 * Certificates of a test's own authority, made by the openssl command.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  readonly certPath: string
  readonly keyPath: string
  readonly cert: Buffer
  readonly key: Buffer
}

/** Makes certificates in a folder. The first one is the authority of all. */
export class CertificateAuthority {
  private readonly folder: string
  readonly ca: Certificate

  constructor(folder: string) {
    this.folder = folder
    openssl(
      folder,
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca`,
      'ca',
    )
    this.ca = this.read('ca')
  }

  /** @param name the name in the certificate, also the name of its files */
  issue(name: string): Certificate {
    const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`
    const issued = ` -CA ca.crt -CAkey ca.key -addext subjectAltName=DNS:${name} -addext basicConstraints=CA:FALSE`
    openssl(this.folder, request + issued, name)
    return this.read(name)
  }

  private read(name: string): Certificate {
    const certPath = join(this.folder, `${name}.crt`)
    const keyPath = join(this.folder, `${name}.key`)
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) }
  }
}

function openssl(folder: string, words: string, name: string): void {
  execFileSync('openssl', [...words.split(' '), '-keyout', `${name}.key`, '-out', `${name}.crt`], {
    cwd: folder,
    stdio: 'pipe',
  })
}
