/** The columns of a CSV file of quotes and trades, and which of them each kind has. Any thread. */
import { QUOTE_INDEX, TRADE_INDEX } from './market-tick.js'
import { setQuote, setTrade, type TickToEncode } from './market-tick-encoder.js'

/** Nanoseconds since the Unix epoch; the letter of the kind; the source's number; then the columns of the kinds. */
export const CSV_COLUMNS = [
  'receive_time_ns',
  'symbol',
  'kind',
  'sequence',
  'bid_price',
  'bid_size',
  'ask_price',
  'ask_size',
  'last_price',
  'last_size',
] as const

export type CsvColumn = (typeof CSV_COLUMNS)[number]

export interface CsvKind {
  /** Index of the kind in the codec. */
  readonly index: number
  /** The columns that hold its numbers. */
  readonly columns: readonly CsvColumn[]
  /** Makes `tick` one of this kind. @param numbers of the kind's columns, in their order */
  fill(tick: TickToEncode, sequence: number, numbers: readonly number[]): void
}

/** The kinds by the letter in the column `kind`. */
export const CSV_KINDS: ReadonlyMap<string, CsvKind> = new Map([
  [
    'Q',
    {
      index: QUOTE_INDEX,
      columns: ['bid_price', 'bid_size', 'ask_price', 'ask_size'],
      fill(tick, sequence, numbers) {
        setQuote(tick, sequence, numbers[0]!, numbers[1]!, numbers[2]!, numbers[3]!)
      },
    },
  ],
  [
    'T',
    {
      index: TRADE_INDEX,
      columns: ['last_price', 'last_size'],
      fill(tick, sequence, numbers) {
        setTrade(tick, sequence, numbers[0]!, numbers[1]!)
      },
    },
  ],
] satisfies [string, CsvKind][])

/** What the column `kind` must hold, for error messages. */
export const CSV_KIND_RULE = 'Q for a quote or T for a trade'
