/**
 * The documentation as tests look at it: pages, their links and anchors, their blocks of code.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

const ROOT = new URL('../../..', import.meta.url)

/** Every page, from the root. */
export function pages(): readonly string[] {
  const names = readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' })
  const docs = names.filter(name => name.endsWith('.md')).map(name => `docs/${name.replaceAll('\\', '/')}`)
  return [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'bench/README.md',
    'examples/README.md',
    'examples/feeds/README.md',
    'packages/client/README.md',
    'packages/conformance/README.md',
    'packages/python/README.md',
    'packages/react/README.md',
    ...docs.sort(),
  ]
}

/** @param path from the root */
export function readPage(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** The lines of a page that are neither code nor tables. */
export function proseOf(page: string): readonly string[] {
  return withoutCode(page)
    .split('\n')
    .filter(line => !line.startsWith('|'))
}

/** The blocks of code of a page in one language. */
export function codeOf(page: string, language: string): readonly string[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, name, code]) =>
    name === language ? [code!] : [],
  )
}

/** The code of an example that is marked with its name. */
export function exampleOf(page: string, name: string): string {
  const [, code] = new RegExp(`<!-- example: ${name} -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(page) ?? []
  if (code === undefined) throw new Error(`no example ${name}`)
  return code
}

export interface Link {
  /** From the root. */
  readonly path: string
  readonly anchor: string | undefined
}

/** The links of a page to other files of the repository, and to anchors. */
export function linksOf(path: string): readonly Link[] {
  const targets = [...withoutCode(readPage(path)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  return targets
    .filter(target => !/^[a-z]+:/.test(target))
    .map(target => {
      const [file, anchor] = target.split('#') as [string, string | undefined]
      return { path: file === '' ? path : posix.join(posix.dirname(path), file), anchor }
    })
}

/** The anchors of a page's headings, as the usual renderers make them. */
export function anchorsOf(path: string): ReadonlySet<string> {
  const headings = [...withoutCode(readPage(path)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!)
  return new Set(
    headings.map(heading =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Whether there is such a file or folder. */
export function exists(path: string): boolean {
  const folder = posix.dirname(path)
  const name = posix.basename(path)
  return name === '.' || readdirSync(new URL(`${folder}/`, ROOT)).includes(name)
}

function withoutCode(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, '')
}
