/**
 * The feed process: the gRPC server of the embedded feed. Ticks begin at the parent's request, at the rate of the
 * request.
 * Arguments: the address, the number of symbols, whether ticks come steadily or in bursts as from a market, and the
 * number of steady ticks that come at one moment.
 */
import { systemClock } from '../../src/common/clock.js'
import { FeedServer } from '../../src/embedded-feed/feed-server.js'
import { SyntheticTicks } from '../../src/embedded-feed/synthetic-ticks.js'
import { TickHistory } from '../../src/embedded-feed/tick-history.js'
import { TickPump } from '../../src/embedded-feed/tick-pump.js'
import { SteadyTicks } from './steady-ticks.js'

export type FeedPace = 'steady' | 'bursts'

export interface RateRequest {
  /** 0: as fast as the server reads. */
  readonly rate: number
}

/** Rate of the due times when ticks are sent as fast as the server reads. */
const UNPACED_RATE = 100_000

const [address, symbolsText, pace, burstText] = process.argv.slice(2) as [string, string, FeedPace, string]
const symbols = Number(symbolsText)
const history = new TickHistory()
let pump: TickPump | undefined
let steady: SteadyTicks | undefined
const server = new FeedServer({ history, clock: systemClock, onWaiting: () => pump?.onReaderWaiting() })

function setRate({ rate }: RateRequest): void {
  if (steady !== undefined && rate > 0) steady.rate = rate
  if (pump !== undefined) return
  const paced = rate === 0 ? UNPACED_RATE : rate
  if (pace === 'steady') steady = new SteadyTicks(symbols, paced, Number(burstText))
  pump = new TickPump({
    supply: steady ?? new SyntheticTicks({ symbols, rate: paced, seed: 1, startUs: systemClock.epochUs() }),
    history,
    server,
    clock: systemClock,
    speed: rate === 0 ? 0 : 1,
    stampsNow: true,
    waitsForReader: false,
    holdsForReader: false,
    onEnd: () => {},
    onFailure: error => {
      throw error
    },
  })
  pump.start()
  if (server.hasWaiting) pump.onReaderWaiting()
}

process.on('message', (question: { readonly id: number; readonly ask: 'rate' | 'count' } & RateRequest) => {
  const { id, ask } = question
  if (ask === 'rate') setRate(question)
  process.send?.({ id, answer: history.newest })
})
// This process ends with its parent.
process.on('disconnect', () => process.exit())
await server.listen(address)
process.stdout.write(`${JSON.stringify({ address })}\n`)
