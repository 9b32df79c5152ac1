/**
 * The servers that are measured: Ringcast and its peers, all started in the same way with the same settings. Packages
 * that only a peer needs may not be installed.
 */
import { fileURLToPath } from 'node:url'
import { peerPackagePath } from '../peers/peer-package.js'
import type { Runtime } from './child.js'
import { type Ports, quietSettings } from './server-address.js'

/** Paths of the files (PEM) with which a server speaks TLS. Its certificate names 127.0.0.1 as `localhost`. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** The authority that clients trust. */
  readonly ca: string
}

export interface ServerNeeds {
  /** host:port of the feed. */
  readonly upstream: string
  readonly clients: number
  readonly deflate: boolean
  /** Undefined: clients connect without TLS. */
  readonly tls?: TlsFiles | undefined
  /** Further settings of Ringcast. */
  readonly settings: readonly string[]
  /** Of a gateway that logs nothing; undefined: any free ones, which it logs. */
  readonly ports?: Ports | undefined
}

export interface ServerKind {
  readonly name: string
  /** Path from dist/bench. */
  readonly file: string
  readonly runtime: Runtime
  readonly args: (needs: ServerNeeds) => readonly string[]
  /** Why the server cannot run here; undefined: it can. */
  readonly missing: string | undefined
  readonly deflates: boolean
  readonly speaksTls: boolean
  readonly isSocketIo: boolean
}

const INSTALL = 'not installed: npm ci --prefix bench/peers'

function tlsWords(tls: TlsFiles | undefined): string[] {
  return tls === undefined ? [] : [`--tls-cert=${tls.cert}`, `--tls-key=${tls.key}`]
}

const ringcast: ServerKind = {
  name: 'ringcast',
  file: '../src/main.js',
  // The same as in `npm start`.
  runtime: { options: ['--max-semi-space-size=4'] },
  args: ({ upstream, clients, ports, tls, settings }) => [
    '--host=127.0.0.1',
    ...(ports === undefined ? ['--port=0', '--admin-port=0'] : quietSettings(ports)),
    `--upstream=${upstream}`,
    '--upstream-backoff-max-ms=200',
    `--max-clients=${clients}`,
    ...tlsWords(tls),
    ...settings,
  ],
  missing: undefined,
  deflates: true,
  speaksTls: true,
  isSocketIo: false,
}

const peer = (name: string, file: string, more: Partial<ServerKind> = {}): ServerKind => ({
  name,
  file: `peers/${file}`,
  runtime: {},
  args: ({ upstream, deflate, tls }) => [upstream, ...(deflate ? ['--deflate'] : []), ...tlsWords(tls)],
  missing: undefined,
  deflates: true,
  speaksTls: false,
  isSocketIo: false,
  ...more,
})

const bunPackage = peerPackagePath('@oven/bun-linux-x64/package.json')

const bun: Partial<ServerKind> = {
  missing: bunPackage === undefined ? INSTALL : undefined,
  runtime:
    bunPackage === undefined ? {} : { executable: fileURLToPath(new URL('bin/bun', `file://${bunPackage}`)) },
}
const uws: Partial<ServerKind> = {
  missing: peerPackagePath('uwebsockets') === undefined ? INSTALL : undefined,
}
const perTick: Partial<ServerKind> = { args: ({ upstream }) => [upstream, '--per-tick'], deflates: false }

export const SERVER_KINDS: readonly ServerKind[] = [
  ringcast,
  peer('ws', 'ws.js', { speaksTls: true }),
  peer('ws-frames', 'ws-frames.js', { speaksTls: true, deflates: false }),
  peer('socket.io', 'socket-io.js', {
    speaksTls: true,
    isSocketIo: true,
    missing: peerPackagePath('socket.io') === undefined ? INSTALL : undefined,
  }),
  peer('uws', 'uws.js', uws),
  peer('bun', 'bun.js', bun),
  // As in the libraries' examples: the libraries gather the writes of a turn, but not the messages.
  peer('uws-per-tick', 'uws.js', { ...uws, ...perTick }),
  peer('bun-per-tick', 'bun.js', { ...bun, ...perTick }),
]

export function serverKind(name: string): ServerKind {
  const kind = SERVER_KINDS.find(its => its.name === name)
  if (kind === undefined) throw new Error(`there is no server ${name}`)
  return kind
}
