/**
 * How many gateways so many clients need.
 */
import type { CostModel, Load } from './cost-model.js'

/** A thread that is busier than that has no room for the herd that comes when a node ends, and makes clients wait. */
export const BUSY_MAX = 0.6
/** The main thread and its lane. */
const CORES_OF_GATEWAY = 2

export interface CapacityPlan {
  /** Processes with one lane each. */
  readonly gateways: number
  readonly clientsOfGateway: number
  readonly cores: number
  readonly memoryBytes: number
  /** To all clients. */
  readonly bytesOutPerSecond: number
  /** From NATS to all gateways. */
  readonly bytesInPerSecond: number
}

/**
 * @param tickBytes of a tick in the stream of NATS
 * @returns undefined when the ticks of the feed alone are too many for a gateway
 */
export function planFor(model: CostModel, load: Load, tickBytes: number): CapacityPlan | undefined {
  const { clients } = load
  let few = 0
  let many = clients
  if (!fits(model, { ...load, clients: many })) {
    while (many - few > 1) {
      const between = Math.floor((few + many) / 2)
      if (fits(model, { ...load, clients: between })) few = between
      else many = between
    }
    if (few === 0) return undefined
  } else few = many
  const gateways = Math.ceil(clients / few)
  const each = Math.ceil(clients / gateways)
  const usage = model.usageAt({ ...load, clients: each })
  return {
    gateways,
    clientsOfGateway: each,
    cores: gateways * CORES_OF_GATEWAY,
    memoryBytes: gateways * usage.rssBytes,
    bytesOutPerSecond: gateways * usage.bytesPerSecond,
    bytesInPerSecond: gateways * load.ticksIn * tickBytes,
  }
}

function fits(model: CostModel, load: Load): boolean {
  const { laneCores, mainCores } = model.usageAt(load)
  return mainCores <= BUSY_MAX && laneCores <= BUSY_MAX
}
