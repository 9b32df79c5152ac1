/**
 * The proxies of deploy/ in front of a gateway: their configurations as they are, with other ports and certificates.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Certificate } from './certificates.js'

const DEPLOY = new URL('../../../deploy/', import.meta.url)

export interface ProxyTarget {
  /** Of the gateway, on the loopback. */
  readonly clientPort: number
  readonly adminPort: number
  /** For files of the proxy. */
  readonly folder: string
  readonly certificate: Certificate
}

export interface Proxy {
  readonly name: string
  /** Why tests with it are left out; undefined: they run. */
  readonly missing: string | undefined
  /** @returns the program and its arguments; it stays in the foreground */
  command(target: ProxyTarget, port: number): readonly string[]
  /** Arguments that only check the configuration. */
  check(command: readonly string[]): readonly string[]
}

export const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    missing: missing('nginx', '-v'),
    command({ certificate, clientPort, folder }, port) {
      const server = readFileSync(new URL('nginx/ringcast.conf', DEPLOY), 'utf8')
        .replace('127.0.0.1:8080', `127.0.0.1:${clientPort}`)
        .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
        .replace(/\n *listen \[::\]:443 ssl;/, '')
        .replace('/etc/ssl/ringcast/tls.crt', certificate.certPath)
        .replace('/etc/ssl/ringcast/tls.key', certificate.keyPath)
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        name => `${name}_temp_path ${folder}/${name};`,
      )
      const path = join(folder, 'nginx.conf')
      writeFileSync(
        path,
        `pid ${folder}/nginx.pid; error_log stderr; daemon off; events {}\nhttp { access_log off; ${temporary.join(' ')}\n${server}\n}\n`,
      )
      return ['nginx', '-p', folder, '-c', path]
    },
    check: command => [...command, '-t'],
  },
  {
    name: 'HAProxy',
    missing: missing('haproxy', '-v'),
    command({ adminPort, certificate, clientPort, folder }, port) {
      const pem = join(folder, 'tls.pem')
      writeFileSync(pem, Buffer.concat([certificate.cert, certificate.key]))
      const path = join(folder, 'haproxy.cfg')
      const config = readFileSync(new URL('haproxy/haproxy.cfg', DEPLOY), 'utf8')
        .replace('127.0.0.1:8080', `127.0.0.1:${clientPort}`)
        .replace('check port 9090', `check port ${adminPort}`)
        .replace(':::443 v4v6', `127.0.0.1:${port}`)
        .replace('/etc/ssl/ringcast/tls.pem', pem)
      writeFileSync(path, config)
      return ['haproxy', '-db', '-f', path]
    },
    check: command => [...command, '-c'],
  },
]

function missing(name: string, flag: string): string | undefined {
  return spawnSync(name, [flag]).status === 0 ? undefined : `${name} is not installed`
}

/** A port that was free a moment ago: these proxies cannot choose one. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Runs a command to its end. @returns its exit code and what it wrote */
export function runToEnd([file = '', ...args]: readonly string[]): { code: number | null; output: string } {
  const { status, stderr, stdout } = spawnSync(file, args, { encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

export function runProxy([file = '', ...args]: readonly string[]): ChildProcess {
  return spawn(file, args, { stdio: 'ignore' })
}
