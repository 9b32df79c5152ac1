/** The files of deploy/ against the programs that read them, and against our settings. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { variableOf } from '../../src/common/setting-names.js'
import { configSettings } from '../../src/config/settings.js'
import { runToEnd } from '../support/proxies.js'

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url))

function isMissing(program: string): boolean {
  return spawnSync(program, ['--version']).error !== undefined
}

it('name settings that there are', () => {
  const variables = new Set(Object.keys(configSettings).map(variableOf))
  const files = readdirSync(DEPLOY, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  const named = files.flatMap(({ name, parentPath }) => {
    const text = readFileSync(join(parentPath, name), 'utf8')
    return [...text.matchAll(/\bRINGCAST_[A-Z_]+\b/g)].map(([variable]) => variable)
  })
  expect(named.length).toBeGreaterThan(10)
  for (const variable of named) expect(variables.has(variable), variable).toBe(true)
})

it.skipIf(isMissing('systemd-analyze'))('the units satisfy systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-units-'))
  // A unit names the place where it is installed, which this machine does not have.
  const units = [
    ['ringcast.service', 'ringcast.service'],
    ['ringcast@.service', 'ringcast@1.service'],
  ] as const
  try {
    for (const [from, to] of units) {
      copyFileSync(join(DEPLOY, 'systemd', from), join(folder, to))
      const { code, output } = runToEnd(['systemd-analyze', 'verify', '--man=no', join(folder, to)])
      const faults = output.split('\n').filter(line => line !== '' && !line.includes('is not executable'))
      expect([code === 0 || faults.length === 0, faults]).toEqual([true, []])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it.skipIf(isMissing('kubectl'))('the base satisfies kustomize', () => {
  const { code, output } = runToEnd(['kubectl', 'kustomize', join(DEPLOY, 'kubernetes')])
  expect(code).toBe(0)
  for (const kind of ['Deployment', 'Service', 'ConfigMap', 'PodDisruptionBudget', 'NetworkPolicy'])
    expect(output).toContain(`kind: ${kind}\n`)
})
