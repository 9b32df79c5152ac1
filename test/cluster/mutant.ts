/** A copy of the build in which one guard is taken out. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface MutantSpec {
  /** The guard that is taken out. */
  readonly name: string
  /** Below `dist`. */
  readonly file: string
  /** Texts of the file, each there once, and what stands in their places. */
  readonly changes: readonly (readonly [text: string, replacement: string])[]
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** What the command loads besides its own files. */
const LINKED = ['node_modules', 'package.json', 'proto']

export class Mutant {
  /** The file of the command. */
  readonly main: string
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringcast-mutant-'))

  /** @throws Error when a text is not there once: the source has changed, and the mutant must be changed with it */
  constructor({ changes, file, name }: MutantSpec) {
    for (const part of ['src', 'workers'])
      cpSync(join(ROOT, 'dist', part), join(this.folder, 'dist', part), { recursive: true })
    for (const path of LINKED) symlinkSync(join(ROOT, path), join(this.folder, path))
    const path = join(this.folder, 'dist', file)
    let source = readFileSync(path, 'utf8')
    for (const [text, replacement] of changes) {
      if (source.split(text).length !== 2) {
        this.remove()
        throw new Error(`${file} does not have this text once, to mutate "${name}": ${text}`)
      }
      source = source.replace(text, () => replacement)
    }
    writeFileSync(path, source)
    this.main = join(this.folder, 'dist/src/main.js')
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
