/** The one server of a storm: the offsets of its messages are those of the record. */
import { WebSocket } from 'ws'
import type { ServerMessage } from '../../src/protocol/messages.js'
import type { StormServers } from './storm-client.js'

/** Close codes for a client that does not read. */
const CLOSED_FOR_SLOWNESS = [1006, 1008, 4008]
/** The close code for a client whose requests two lanes failed at. */
const CLOSED_FOR_FAULTS = 1011

export class StormServer implements StormServers {
  private readonly urlOf: (query: string) => string
  private readonly lanesFail: boolean

  /** @param lanesFail whether the server's lanes fail on purpose */
  constructor(urlOf: (query: string) => string, lanesFail: boolean) {
    this.urlOf = urlOf
    this.lanesFail = lanesFail
  }

  open(query: string): WebSocket {
    return new WebSocket(this.urlOf(query))
  }

  read(data: Buffer): ServerMessage {
    return JSON.parse(String(data)) as ServerMessage
  }

  mayFail(): boolean {
    return false
  }

  returnsAfterMs(code: number): number | undefined {
    const isExpected = CLOSED_FOR_SLOWNESS.includes(code) || (code === CLOSED_FOR_FAULTS && this.lanesFail)
    return isExpected ? 0 : undefined
  }

  pointOf(epoch: string, offset: number): string | undefined {
    return epoch === '' ? undefined : `${epoch}:${offset}`
  }

  strangePointOf(offset: number): string {
    return `another:${offset}`
  }

  firstOffset(): number {
    return 0
  }
}
