import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { completionScript } from '../../../src/app/tools/completion.js'
import { COMMAND_NAMES, SHELLS } from '../../../src/config/commands.js'

const isMissing = (program: string) => spawnSync(program, ['--version']).error !== undefined

/** What bash offers for the last word. */
function offered(...words: string[]): string[] {
  const quoted = words.map(word => `'${word}'`).join(' ')
  const script = `${completionScript('bash')}
    COMP_WORDS=(ringcast ${quoted}); COMP_CWORD=${words.length}; _ringcast 2>/dev/null
    printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter(word => word !== '')
}

describe.skipIf(isMissing('bash'))('completion by bash', () => {
  it('offers commands, and the flags of the command', () => {
    expect(offered('')).toEqual([...COMMAND_NAMES, '--version'])
    expect(offered('t')).toEqual(['tail', 'top'])
    expect(offered('tail', 'A', '--js')).toEqual(['--json'])
    expect(offered('tail', '--max')).toEqual([])
    expect(offered('serve', '--max-clients')).toEqual([
      '--max-clients',
      '--max-clients-per-address',
      '--max-clients-per-user',
    ])
    expect(offered('--max-cl')).toContain('--max-clients')
    expect(offered('feed', '--port')).toEqual([])
  })

  it('offers the values that there are', () => {
    expect(offered('serve', '--log-level', 'f')).toEqual(['fatal'])
    expect(offered('tail', '--delivery', '')).toEqual(['every', 'latest'])
    expect(offered('completion', '')).toEqual(expect.arrayContaining([...SHELLS]))
    expect(offered('config', 're')).toEqual(['relay'])
    // A value that nobody can know.
    expect(offered('serve', '--port', '')).toEqual([])
  })
})

it.each([
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const)('%s reads its script', (shell, words) => {
  const script = completionScript(shell)
  for (const name of COMMAND_NAMES) expect(script).toContain(name)
  if (isMissing(shell)) return
  expect(spawnSync(shell, words, { input: script, encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  })
})
