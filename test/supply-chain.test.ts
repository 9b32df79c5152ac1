/**
 * The packages that are installed: no version with a known hole, none that is deprecated, none that nobody uses.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

/** The first version of each package without a hole that became known, in each major version that is mended. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  // CVE-2024-37890: many headers end the process.
  ws: ['7.5.10', '8.17.1'],
  // CVE-2023-36665: a prototype is changed by a type.
  protobufjs: ['6.11.4', '7.2.5'],
  // CVE-2024-37168: memory beyond the limit of a message.
  '@grpc/grpc-js': ['1.10.9'],
  // CVE-2024-28176: inflated without a bound.
  jose: ['4.15.5'],
  // CVE-2025-1302: runs code of a path.
  'jsonpath-plus': ['10.3.0'],
  // CVE-2025-64718: a prototype is changed by a document.
  'js-yaml': ['3.14.2', '4.1.1'],
  // CVE-2024-55565: predictable ids.
  nanoid: ['3.3.8', '5.0.9'],
  // CVE-2021-23337: runs code of a template.
  lodash: ['4.17.21'],
  // CVE-2022-0235: headers go to another host.
  'node-fetch': ['2.6.7', '3.1.1'],
  // CVE-2021-3807: time that grows without a bound.
  'ansi-regex': ['3.0.1', '4.1.1', '5.0.1', '6.0.1'],
  // CVE-2022-3517: the same.
  minimatch: ['3.0.5'],
  // CVE-2025-5889: the same.
  'brace-expansion': ['1.1.12', '2.0.2', '3.0.1', '4.0.1'],
}

interface Locked {
  readonly version?: string
  readonly deprecated?: string
  readonly integrity?: string
  readonly link?: boolean
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }
const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }

/** All that is installed, with its path. */
const installed = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && !link,
)

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

function numbersOf(version: string): readonly number[] {
  return version.split(/[.-]/).slice(0, 3).map(Number)
}

/** Whether a version is at least the floor of its major version, or newer than every floor. */
function isMended(version: string, floors: readonly string[]): boolean {
  const own = numbersOf(version)
  const lists = floors.map(numbersOf)
  const floor = lists.find(([major]) => major === own[0])
  if (floor === undefined) return own[0]! > Math.max(...lists.map(([major]) => major!))
  const different = floor.findIndex((number, index) => own[index] !== number)
  return different < 0 || own[different]! > floor[different]!
}

describe('the packages', () => {
  it('have no version with a known hole', () => {
    const found = installed.filter(([path, { version }]) => {
      const floors = FLOORS[nameOf(path)]
      return floors !== undefined && !isMended(version!, floors)
    })
    expect(found.map(([path, { version }]) => `${path} ${version}`)).toEqual([])
  })

  it.each([
    ['8.17.0', false],
    ['8.17.1', true],
    ['8.23.0', true],
    ['7.5.9', false],
    ['7.5.10', true],
    ['6.9.9', false],
    ['9.0.0', true],
  ])('of the version %s are mended: %s', (version, expected) => {
    expect(isMended(version, FLOORS.ws!)).toBe(expected)
  })

  it('are not deprecated, and have a hash', () => {
    expect(
      installed.filter(([, { deprecated, integrity }]) => deprecated !== undefined || !integrity),
    ).toEqual([])
  })

  it('of the product have exact versions, and each is used', () => {
    const sources = ['src', 'workers'].flatMap(folder =>
      readdirSync(fileURLToPath(new URL(folder, ROOT)), { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts'))
        .map(name => read(`${folder}/${name}`)),
    )
    for (const [name, version] of Object.entries(dependencies)) {
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)])
      expect([
        name,
        sources.some(source => source.includes(`'${name}'`) || source.includes(`'${name}/`)),
      ]).toEqual([name, true])
    }
  })
})
