/**
 * Steps of a stage, and the messages of its clients in short.
 */
import type { Message } from './lane-messages.js'
import type { LaneStage } from './lane-stage.js'
import type { StageClient } from './stage-clients.js'

/** A message in short: `A1 B2 +3` for the ticks of A and B with sequences 1 and 2, which stand for three more. */
export function short(message: Message): string {
  if (message.type !== 'ticks' && message.type !== 'snapshot') return message.type
  const ticks = message.ticks.map(({ sequence, symbol }) => `${symbol}${sequence}`)
  const merged = message.type === 'ticks' && message.merged !== undefined ? [`+${message.merged}`] : []
  return [message.type === 'snapshot' ? 'latest:' : [], ticks, merged].flat().join(' ')
}

export const shorts = ({ messages }: StageClient): string[] => messages.map(short)

/** The latest of these symbols and prefixes, by interval; and every tick of `symbols`. */
export const latest = (entries: Record<number, string[]>, symbols: string[] = []) => ({
  symbols,
  latest: Object.entries(entries).map(([intervalMs, each]) => ({
    intervalMs: Number(intervalMs),
    symbols: each,
  })),
})

/** Steps of a stage: ticks of symbols that come together, or time that passes. */
export function steps(stage: LaneStage, ...each: (string[] | number)[]): (() => void)[] {
  return each.map(step => () => {
    if (typeof step === 'number') stage.clock.advance(step)
    else stage.batch(step.map(symbol => ({ symbol })))
  })
}
