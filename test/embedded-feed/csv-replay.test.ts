import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CsvReplay } from '../../src/embedded-feed/csv-replay.js'
import { QUOTE as QUOTE_KIND, TRADE as TRADE_KIND } from '../../src/ticks/market-tick.js'
import type { TickToEncode } from '../../src/ticks/market-tick-encoder.js'

const HEADER =
  'receive_time_ns,symbol,kind,sequence,bid_price,bid_size,ask_price,ask_size,last_price,last_size'
const QUOTE = '1723161255088169167,BTCUSDT,Q,100,61800.2,2.507,61800.3,2.51,,'
const TRADE = '1723161255090169999,BTCUSDT,T,7,,,,,61800.3,0.006'
const LATER = '1723161255091000001,BTCUSDT,Q,150,61800,1,61800.1,2,,'

let folder: string
let fileCount = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringcast-replay-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, `ticks-${++fileCount}.csv`)
  await writeFile(path, content)
  return path
}

type ReadTick = TickToEncode & { dueMs: number }

async function readAll(path: string, limit = Number.POSITIVE_INFINITY, loop = false): Promise<ReadTick[]> {
  const replay = await CsvReplay.open(path, { loop })
  const ticks: ReadTick[] = []
  try {
    while (ticks.length < limit) {
      const result = replay.next()
      if (result === 'end') break
      if (result === 'wait') await replay.ready()
      else ticks.push({ ...replay.tick, dueMs: replay.dueMs })
    }
  } finally {
    await replay.close()
  }
  return ticks
}

function timeNs(tick: TickToEncode): bigint {
  return BigInt(tick.timeUs) * 1000n + BigInt(tick.timeRestNs)
}

it.each([
  ['plain', (text: string) => text],
  ['gzip', (text: string) => gzipSync(text)],
  ['without a line end at the end', (text: string) => text.trimEnd()],
  ['with line ends of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ['with a byte-order mark', (text: string) => `\ufeff${text}`],
  ['gzip with a byte-order mark', (text: string) => gzipSync(`\ufeff${text}`)],
  ['with blank lines at its end', (text: string) => `${text}\n\r\n   \n,,,,,,,,,\n\n`],
  ['with blank lines, the last one without a line end', (text: string) => `${text},,,,,,,,,`],
  ['with blank lines between its rows', (text: string) => text.replaceAll('\n', '\n\n,,,,,,,,,\r\n')],
  ['with every cell quoted', (text: string) => text.replaceAll(/[^,\n]+/g, '"$&"')],
  [
    'with every cell quoted, also the empty ones',
    (text: string) => text.trimEnd().replaceAll(/(?<=^|,)[^,\n]*/gm, '"$&"'),
  ],
])('reads ticks exactly: %s', async (_name, encode) => {
  const ticks = await readAll(await file(encode(`${HEADER}\n${QUOTE}\n${TRADE}\n${LATER}\n`)))
  expect(ticks).toHaveLength(3)
  expect(ticks[0]).toMatchObject({
    symbol: { name: 'BTCUSDT' },
    kind: QUOTE_KIND,
    sequence: 100,
    bid: 61800.2,
    bidSize: 2.507,
    ask: 61800.3,
    askSize: 2.51,
    dueMs: expect.closeTo(0.000167, 9),
  })
  expect(ticks[1]).toMatchObject({ kind: TRADE_KIND, sequence: 7, last: 61800.3, lastSize: 0.006 })
  expect(ticks.map(timeNs)).toEqual([1723161255088169167n, 1723161255090169999n, 1723161255091000001n])
  expect(ticks[2]!.dueMs).toBeCloseTo(2.831, 3)
})

it('reads rows that lie across pieces of the file', async () => {
  const rows = Array.from(
    { length: 5_000 },
    (_, i) => `1723161255088169${String(i % 1000).padStart(3, '0')},SÿMBÖL${i % 7},T,${i},,,,,${i}.5,1`,
  )
  const ticks = await readAll(await file(`${HEADER}\n${rows.join('\n')}\n`))
  expect(ticks.map(tick => tick.sequence)).toEqual(Array.from({ length: 5_000 }, (_, i) => i))
  expect(new Set(ticks.map(tick => tick.symbol.name)).size).toBe(7)
})

it('reads quoted symbols, with commas and quotation marks in them', async () => {
  const cells = ['"BRK.B"', '"A,B"', '"say ""A"""', 'B"C', '"\ufeffA"']
  const rows = cells.map(cell => QUOTE.replace('BTCUSDT', cell))
  const ticks = await readAll(await file(`${HEADER}\n${rows.join('\n')}\n`))
  expect(ticks.map(tick => tick.symbol.name)).toEqual(['BRK.B', 'A,B', 'say "A"', 'B"C', '\ufeffA'])
})

it('reads the same in a loop, with a byte-order mark', async () => {
  const ticks = await readAll(await file(`\ufeff${HEADER}\r\n${QUOTE}\r\n\r\n`), 3, true)
  expect(ticks.map(tick => tick.sequence)).toEqual([100, 101, 102])
})

it('keeps symbols apart that differ in one byte', async () => {
  const names = ['A', '\ufeffA', '\ufffd', 'É', 'E\u0301', '😀']
  const rows = [...names, ...names].map(name => QUOTE.replace('BTCUSDT', name))
  const ticks = await readAll(await file(`${HEADER}\n${rows.join('\n')}\n`))
  expect(ticks.map(tick => tick.symbol.name)).toEqual([...names, ...names])
})

it('repeats in a loop, with rising sequences and times', async () => {
  const ticks = await readAll(await file(`${HEADER}\n${QUOTE}\n${TRADE}\n${LATER}\n`), 9, true)
  const quotes = ticks.filter(tick => tick.kind === QUOTE_KIND).map(tick => tick.sequence)
  expect(quotes).toEqual([100, 150, 151, 201, 202, 252])
  expect(ticks.filter(tick => tick.kind === TRADE_KIND).map(tick => tick.sequence)).toEqual([7, 8, 9])
  for (let i = 1; i < ticks.length; i++) {
    expect(timeNs(ticks[i]!) > timeNs(ticks[i - 1]!)).toBe(true)
    expect(ticks[i]!.dueMs).toBeGreaterThan(ticks[i - 1]!.dueMs)
  }
  expect(timeNs(ticks[3]!) - timeNs(ticks[0]!)).toBe(2_832_000n)
})

describe('a wrong file', () => {
  async function expectInvalid(content: string | Buffer, ...parts: string[]): Promise<void> {
    const path = await file(content)
    const error = await readAll(path, 10, true).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'RingcastError', code: 'feed_file_invalid' })
    for (const part of [path, ...parts]) expect((error as Error).message).toContain(part)
  }

  it.each([
    [QUOTE.replace(',Q,', ',X,'), 'column kind', 'must be Q for a quote or T for a trade, but is "X"'],
    [QUOTE.replace('61800.2', 'high'), 'column bid_price', 'must be a number, but is "high"'],
    [QUOTE.replace('2.51', ''), 'column ask_size', 'must be a number, but is ""'],
    [TRADE.replace('61800.3', 'NaN'), 'column last_price', '"NaN"'],
    [QUOTE.replace('100', '1.5'), 'column sequence', 'must be a whole number below 2^53, but is "1.5"'],
    [QUOTE.replace('100', '9007199254740992'), 'column sequence', '2^53'],
    [QUOTE.replace('1723161255088169167', '17231.5'), 'column receive_time_ns', '"17231.5"'],
    [QUOTE.replace('BTCUSDT', ''), 'column symbol', 'at least one character'],
    [`${QUOTE},`, 'has 11 columns in place of 10'],
    ['x', 'has 1 columns in place of 10'],
    [QUOTE.replace('BTCUSDT', '"BTC'), 'has a quoted cell that does not end before a comma: "1723'],
    [QUOTE.replace('BTCUSDT', '"BTC"x'), 'has a quoted cell that does not end before a comma: "1723'],
    [QUOTE.replace('BTCUSDT', '"'), 'has a quoted cell that does not end before a comma: "1723'],
    [QUOTE.replace('61800.2', '"61800,2"'), 'column bid_price', 'must be a number, but is "61800,2"'],
    [`${QUOTE}${'0'.repeat(100_000)}`, 'longer than 4096 bytes'],
  ])('is refused with its line: %s', async (row, ...parts) => {
    await expectInvalid(`${HEADER}\n${TRADE}\n${row}\n${TRADE}\n`, 'line 3', ...parts)
  })

  it('is refused when a symbol is no UTF-8, with invisible characters escaped', async () => {
    const latin1 = Buffer.from(`${HEADER}\n${TRADE}\n${QUOTE.replace('BTCUSDT', 'CAF\xc9')}\n`, 'latin1')
    await expectInvalid(latin1, 'line 3', 'column symbol: must be UTF-8')
    await expectInvalid(
      `\ufeff\ufeff${HEADER}\n${QUOTE}\n`,
      'line 1',
      String.raw`column 1 must be "receive_time_ns", but is "\ufeffreceive_time_ns"`,
    )
  })

  it('is refused without its header', async () => {
    await expectInvalid(`${TRADE.slice(0, 30)}\n`, 'line 1', 'must be the header', TRADE.slice(0, 30))
    await expectInvalid(
      `${QUOTE}\n`,
      'line 1',
      'column 1 must be "receive_time_ns", but is "1723161255088169167"',
    )
    await expectInvalid('', 'line 1', 'but is ""')
  })

  it('is refused without a tick in a loop, and ends at once without a loop', async () => {
    await expectInvalid(`${HEADER}\n`, 'a loop needs a tick')
    expect(await readAll(await file(`${HEADER}\n`))).toEqual([])
  })

  it('is refused when its gzip data is cut short', async () => {
    await expectInvalid(gzipSync(`${HEADER}\n${QUOTE}\n`).subarray(0, 60), 'cannot be read')
  })

  it('is refused when it does not exist or is a folder', async () => {
    await expect(CsvReplay.open(join(folder, 'none.csv'), { loop: false })).rejects.toMatchObject({
      code: 'feed_file_invalid',
      message: expect.stringContaining('none.csv cannot be read'),
    })
    await expect(CsvReplay.open(folder, { loop: false })).rejects.toMatchObject({ code: 'feed_file_invalid' })
  })

  it.each([
    ['is UTF-16', Buffer.from(`\ufeff${HEADER}\n`, 'utf16le')],
    ['is no text', Buffer.from('PK\x03\x04\x14\0')],
    ['ends with a CR alone', `${HEADER}\r${QUOTE}\r`],
    ['has ";" between its columns: save the file with commas', `${HEADER}\n${QUOTE}\n`.replaceAll(',', ';')],
    [String.raw`has "\t" between its columns`, `${HEADER}\n${QUOTE}\n`.replaceAll(',', '\t')],
    [
      String.raw`column 2 must be "symbol", but is " symbol\u200b"`,
      HEADER.replace('symbol', ' symbol\u200b'),
    ],
    ['must end after the column "last_size", but goes on with "note"', `${HEADER},note\n`],
    [
      'line 2: column receive_time_ns: must be nanoseconds',
      `${HEADER}\n${QUOTE.replace(/^\d+/, '1.72316E+18')}`,
    ],
    ['line 4: column symbol', `${HEADER}\n\n,,,,,,,,,\n${QUOTE.replace('BTCUSDT', '')}`],
  ])('of a spreadsheet is refused when it is opened: %s', async (reason, content) => {
    await expect(CsvReplay.open(await file(content), { loop: true })).rejects.toMatchObject({
      code: 'feed_file_invalid',
      message: expect.stringContaining(reason),
    })
  })
})
