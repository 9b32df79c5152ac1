/**
 * Says at the end of a run what it left out, and why.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Reporter, TestModule } from 'vitest/node'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))

export default class SkipsReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[]): void {
    const lines = testModules.flatMap(skippedOf)
    if (!testModules.some(({ moduleId }) => isLong(moduleId))) {
      const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(isLong)
      lines.push(`the long way of ${files.length} files: npm run test:long takes it`)
    }
    if (lines.length > 0) process.stdout.write(`Left out:\n${lines.map(line => `  ${line}\n`).join('')}`)
  }
}

function skippedOf(testModule: TestModule): string[] {
  return Array.from(testModule.children.allTests('skipped')).flatMap(test => {
    const result = test.result()
    const note = result.state === 'skipped' ? result.note : undefined
    // One that was to run and has no note stands below a hook that failed, which is told as such.
    if (note === undefined && test.options.mode === 'run') return []
    return [`${testModule.relativeModuleId} > ${test.fullName}: ${note ?? 'no reason is given'}`]
  })
}

function isLong(path: string): boolean {
  return path.endsWith('.long.test.js')
}
