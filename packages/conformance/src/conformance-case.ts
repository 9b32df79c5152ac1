/** What a case is. README.md explains the steps. */
import { readdirSync, readFileSync } from 'node:fs'

export type Step = { readonly [name: string]: unknown; readonly as?: string }

export interface ConformanceCase {
  readonly name: string
  /** Why a client must pass it. */
  readonly why: string
  /** Of `connect`: heartbeat, release, resume. */
  readonly options?: Readonly<Record<string, unknown>>
  /** What `getToken` returns, one after the other; after the last it fails. Without it there is no `getToken`. */
  readonly tokens?: readonly string[]
  /** What the client's random source returns. Default 0.5. */
  readonly random?: number
  readonly steps: readonly Step[]
}

const FOLDER = new URL('../cases/', import.meta.url)

/** All cases, with the steps of `use` in place of it. */
export function readCases(): ConformanceCase[] {
  const macros = read('macros.json') as Record<string, readonly Step[]>
  const files = readdirSync(FOLDER).filter(name => name.endsWith('.json') && name !== 'macros.json')
  return files
    .sort()
    .flatMap(file =>
      (read(file) as ConformanceCase[]).map(each => ({ ...each, steps: expand(each.steps, macros) })),
    )
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
}

function expand(steps: readonly Step[], macros: Readonly<Record<string, readonly Step[]>>): Step[] {
  return steps.flatMap(step => {
    if (step.use === undefined) return [step]
    const macro = macros[String(step.use)]
    if (macro === undefined) throw new Error(`there is no macro ${step.use}`)
    return expand(macro, macros)
  })
}
