import { afterEach, expect, it } from 'vitest'
import { Ringcast } from '../../support/ringcast-process.js'

const started: Ringcast[] = []

afterEach(async () => {
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

function start(args: readonly string[]): Ringcast {
  const ringcast = new Ringcast(args)
  started.push(ringcast)
  return ringcast
}

it('ends all processes with code 2 when one finds a wrong setting as it starts', async () => {
  const ringcast = start([
    '--processes=2',
    '--upstream=127.0.0.1:1',
    '--upstream-tls',
    '--upstream-tls-ca=/no/file',
  ])
  expect(await ringcast.ended()).toBe(2)
  expect(ringcast.lines.some(({ process }) => process !== undefined)).toBe(true)
})

it('leaves no process behind when the first one is killed', async () => {
  const ringcast = start(['--processes=2'])
  await ringcast.streaming()
  // Resolves when the output has ended. The other processes have the same output, so it ends with the last of them.
  await ringcast.kill('SIGKILL')
  expect(ringcast.exit).toMatchObject({ signal: 'SIGKILL' })
})
