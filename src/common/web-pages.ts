/**
 * The files of a page that this package serves: read once, and kept. Main thread. `npm run build` makes them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

export interface PageFile {
  readonly contentType: string
  readonly body: Buffer
}

/** By the path at which they are served; `/` is the page itself. */
export type WebPage = ReadonlyMap<string, PageFile>

const FOLDERS = new URL('../../pages/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

/** A page runs no script but its own, talks to no other host, and stands in no frame. */
export const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** @returns an empty page where the package was compiled, but not built */
export function readPage(name: 'dashboard' | 'demo'): WebPage {
  const folder = new URL(`${name}/`, FOLDERS)
  if (!existsSync(folder)) return new Map()
  return new Map(
    readdirSync(folder).map(file => [
      file === 'index.html' ? '/' : `/${file}`,
      {
        contentType: TYPES[file.slice(file.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
        body: readFileSync(new URL(file, folder)),
      },
    ]),
  )
}
