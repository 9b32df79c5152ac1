/**
 * What a gateway with one lane costs at a load, from costs that are fitted to measured loads.
 */
import { fitCosts } from './least-squares.js'

export interface Load {
  readonly clients: number
  /** Ticks per second of the feed. */
  readonly ticksIn: number
  /** Ticks per second that a client gets. */
  readonly ticksOut: number
  /** Whether all clients have the same subscriptions. Otherwise each has its own. */
  readonly isShared: boolean
  /** Messages per second that a client gets; undefined: as many as gathering makes of its ticks. */
  readonly messages?: number
}

/** A gateway at a load. */
export interface Usage {
  readonly mainCores: number
  readonly laneCores: number
  readonly bytesPerSecond: number
  readonly messagesPerSecond: number
  readonly rssBytes: number
}

export interface Point {
  readonly load: Load
  readonly usage: Usage
}

const US = 1e6

export class CostModel {
  /** Time for which ticks of a client are gathered, in seconds. */
  readonly gatherSeconds: number
  /** µs of the main thread for each tick in, arrival of ticks, message, tick out, and second of a connection. */
  readonly main: readonly number[]
  /** µs of a lane for each tick in, arrival of ticks, tick and message of an audience, and second of an audience. */
  readonly lane: readonly number[]
  /** Bytes of a gateway, of a connection, and of an audience. */
  readonly memory: readonly number[]
  /** Bytes of a tick, and of a message. */
  readonly wire: readonly number[]

  constructor(points: readonly Point[]) {
    const waits = points
      .filter(({ load }) => load.messages === undefined)
      .map(({ load, usage }) => load.clients / usage.messagesPerSecond - 1 / load.ticksOut)
    this.gatherSeconds = Math.max(0, waits.reduce((sum, wait) => sum + wait, 0) / waits.length)
    const costsOf = (parts: (load: Load) => number[], value: (usage: Usage) => number): number[] =>
      fitCosts(
        points.map(({ load, usage }) => parts({ ...load, messages: usage.messagesPerSecond / load.clients })),
        points.map(({ usage }) => value(usage)),
      )
    this.main = costsOf(mainParts, ({ mainCores }) => mainCores * US)
    this.lane = costsOf(laneParts, ({ laneCores }) => laneCores * US)
    this.memory = costsOf(memoryParts, ({ rssBytes }) => rssBytes)
    this.wire = costsOf(wireParts, ({ bytesPerSecond }) => bytesPerSecond)
  }

  /** Messages per second that a client gets. */
  messagesOf({ messages, ticksOut }: Load): number {
    return messages ?? ticksOut / (1 + ticksOut * this.gatherSeconds)
  }

  usageAt(asked: Load): Usage {
    const load = { ...asked, messages: this.messagesOf(asked) }
    return {
      mainCores: sumOf(this.main, mainParts(load)) / US,
      laneCores: sumOf(this.lane, laneParts(load)) / US,
      bytesPerSecond: sumOf(this.wire, wireParts(load)),
      messagesPerSecond: load.clients * load.messages,
      rssBytes: sumOf(this.memory, memoryParts(load)),
    }
  }
}

/** Ticks arrive together that the feed sends within a millisecond. */
const arrivals = (ticksIn: number): number => ticksIn / (1 + ticksIn * 0.001)

const audiencesOf = ({ clients, isShared }: Load): number => (isShared ? 1 : clients)

const mainParts = ({ clients, messages = 0, ticksIn, ticksOut }: Load): number[] => [
  ticksIn,
  arrivals(ticksIn),
  clients * messages,
  clients * ticksOut,
  clients,
]

const laneParts = (load: Load): number[] => {
  const { messages = 0, ticksIn, ticksOut } = load
  const audiences = audiencesOf(load)
  return [ticksIn, arrivals(ticksIn), audiences * ticksOut, audiences * messages, audiences]
}

const memoryParts = (load: Load): number[] => [1, load.clients, audiencesOf(load)]

const wireParts = ({ clients, messages = 0, ticksOut }: Load): number[] => [
  clients * ticksOut,
  clients * messages,
]

function sumOf(costs: readonly number[], parts: readonly number[]): number {
  return costs.reduce((sum, cost, index) => sum + cost * parts[index]!, 0)
}
