import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parseArguments } from '../../bench/fanout/arguments.js'
import { svgText } from '../../bench/fanout/plot.js'

const MAIN = fileURLToPath(new URL('../../bench/fanout/main.js', import.meta.url))

const run = promisify(execFile)

describe('bench:fanout', () => {
  it('says what there is when asked for something else', async () => {
    await expect(run(process.execPath, [MAIN, 'pacd'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown workloads: pacd; there are paced, paced-gathering'),
    })
  })
})

describe('the arguments of bench:fanout', () => {
  const known = { workloads: ['paced', 'idle'], servers: ['ringcast', 'ws', 'uws'] }

  it('are all workloads, three runs and five seconds when there are none', () => {
    expect(parseArguments([], known)).toEqual({
      small: false,
      workloads: ['paced', 'idle'],
      servers: undefined,
      runs: 3,
      seconds: 5,
      profile: false,
    })
  })

  it('put Ringcast before the peers that are named', () => {
    expect(parseArguments(['--peers', 'uws,ringcast'], known).servers).toEqual(['ringcast', 'uws'])
  })

  it.each([
    [['--peers', 'wss'], 'unknown peers: wss; there are ws, uws'],
    [['--runs', '1.5'], '--runs must be a whole number, got 1.5'],
    [['--seconds', '0'], '--seconds must be a number above 0, got 0'],
  ])('are refused: %j', (words, message) => {
    expect(() => parseArguments(words, known)).toThrow(message)
  })
})

describe('the plot', () => {
  it('draws bars and lines, and leaves out what is no number', () => {
    const text = svgText([
      {
        kind: 'bars',
        title: 'a < b',
        unit: 'µs',
        bars: [
          { label: 'one', value: 1, least: 0.5, most: 2 },
          { label: 'none', value: Number.NaN, least: Number.NaN, most: Number.NaN },
        ],
      },
      {
        kind: 'lines',
        title: 'c',
        xTitle: 'x',
        yTitle: 'y',
        lines: [
          {
            label: 'l',
            points: [
              [1, 10],
              [100, 1000],
            ],
          },
        ],
      },
    ])
    expect(text).toContain('a &lt; b, µs')
    expect(text).toMatch(/<polyline points="[\d., ]+"/)
    expect(text).not.toMatch(/NaN|Infinity|undefined|none</)
  })

  it('draws nothing where there is nothing', () => {
    expect(svgText([{ kind: 'bars', title: 'a', unit: 'b', bars: [] }])).not.toMatch(/NaN|Infinity/)
  })
})
