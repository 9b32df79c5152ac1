/**
 * One place of a group of gateways: a process, or the wait for the next one.
 */
import type { Timer } from '../../common/clock.js'
import { RestartDelay } from '../../lanes/restart-delay.js'
import type { GatewayProcess } from './gateway-process.js'
import type { GatewayReport } from './group-messages.js'

export class GroupPlace {
  readonly number: number
  readonly delay = new RestartDelay()
  process: GatewayProcess | undefined
  accepting: { readonly webSocketUrl: string; readonly feed: string } | undefined
  report: GatewayReport | undefined
  reportedMs = 0
  startedMs = 0
  /** Whether one of its processes has accepted clients. */
  hasServed = false
  restart: Timer | undefined

  constructor(number: number) {
    this.number = number
  }
}
