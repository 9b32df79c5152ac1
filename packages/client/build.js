// Builds dist/: ES modules and CommonJS with their types, and one minified file for pages without a build.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const here = dirname(fileURLToPath(import.meta.url))
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const compile = options =>
  execFileSync(process.execPath, [compiler, '-p', join(here, 'tsconfig.json'), ...options], {
    stdio: 'inherit',
  })

/** These files declare what callers, the gateway and sockets see: no word in them is given another name. */
const SEEN_FILES = ['codec', 'environment', 'errors', 'items', 'messages', 'options']
/** Of these, the members that are not private. */
const SEEN_CLASSES = ['stream', 'subscription']
const LANGUAGE = [
  ...[Array, Map, Set, Promise, String, Object, Error, URL, URLSearchParams].flatMap(type => [
    type,
    type.prototype,
  ]),
  Object.getPrototypeOf([].values()),
]

rmSync(join(here, 'dist'), { recursive: true, force: true })
compile([])
compile(['--module', 'commonjs', '--verbatimModuleSyntax', 'false', '--outDir', join(here, 'dist/cjs')])
mkdirSync(join(here, 'dist/cjs'), { recursive: true })
writeFileSync(join(here, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')

const bundle = await rolldown({ input: join(here, 'dist/esm/index.js') })
const mangleProps = { include: new RegExp(`^(${ownNames().join('|')})$`) }
await bundle.write({
  file: join(here, 'dist/ringcast-client.js'),
  format: 'esm',
  comments: false,
  minify: { compress: true, mangle: true, mangleProps },
})
await bundle.close()

/** Names of members that only this client sees. */
function ownNames() {
  const read = name =>
    readFileSync(join(here, 'src', `${name}.ts`), 'utf8').replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/ .*/g, '')
  const seen = new Set(LANGUAGE.flatMap(owner => Object.getOwnPropertyNames(owner)))
  const classes = SEEN_CLASSES.map(read)
    .join('\n')
    .replaceAll(/^ +private .*$/gm, '')
  const declarations = classes.match(/^ {2}\S.*$/gm).join('\n')
  for (const [word] of [...SEEN_FILES.map(read), declarations].join('\n').matchAll(/\w+/g)) seen.add(word)
  const all = readdirSync(join(here, 'src')).map(file => read(file.slice(0, -3)))
  for (const text of all) for (const [, quoted] of text.matchAll(/'(\w+)'/g)) seen.add(quoted)
  const member = /^ {2}(?:private |readonly |async |get )*(\w+)\??(?:[(:<]| =)/gm
  const names = all.flatMap(text => [...text.matchAll(member)].map(found => found[1]))
  return [...new Set(names)].filter(name => !seen.has(name)).sort()
}
