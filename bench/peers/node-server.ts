/**
 * The HTTP server of a peer that uses the one of Node. With `--tls-cert=` and `--tls-key=`, paths of files, it speaks TLS.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tellPort } from './tick-topics.js'

const certPath = argument('--tls-cert=')
const keyPath = argument('--tls-key=')
const isTls = certPath !== undefined && keyPath !== undefined

export function nodeServer(): Server {
  return isTls
    ? createTlsServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) })
    : createServer()
}

/** Listens at a free port of the loopback, and reports its URL to the benchmark. */
export function listen(server: Server): void {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    tellPort((server.address() as AddressInfo).port, isTls ? 'wss' : 'ws')
  })
}

function argument(start: string): string | undefined {
  return process.argv.find(word => word.startsWith(start))?.slice(start.length)
}
