/**
 * Takes the commands of clients out of the lane's command ring, between the records of the tick log. One lane's own.
 * A command is taken when the lane has read all records that were in the log when the command was sent. So a successor,
 * too, replies behind all that any audience was sent: docs/decisions/0041-commands-have-a-ring-of-their-own.md.
 */
import { decodeCommand, type LaneCommand } from '../src/lane-protocol/lane-commands.js'
import type { CommandRingReader } from '../src/memory/command-ring-reader.js'
import { FOR_COMMAND_ROOM } from '../src/memory/control-words.js'
import type { LaneWakeUp } from '../src/memory/lane-wake-up.js'
import { distance } from '../src/memory/ring-position.js'
import type { StreamPlace } from '../src/memory/stream-place.js'
import type { LaneAudiences } from './lane-audiences.js'
import type { LaneControl } from './lane-control.js'
import type { LaneTransfers } from './transfer/lane-transfers.js'

/**
 * Work from which on a round of the lane does no more for commands, so that ticks do not wait for it. A unit is the work
 * for one symbol: about 0.4 µs.
 */
const WORK_AT_ONCE = 512
const WORK_PER_COMMAND = 32
const WORK_PER_BYTE = 1 / 32

export interface CommandInboxDeps {
  readonly ring: CommandRingReader
  readonly audiences: LaneAudiences
  readonly transfers: LaneTransfers
  readonly control: LaneControl
  readonly wakeUp: LaneWakeUp
  /** Ids of quarantined clients: they get no replies. */
  readonly quarantinedClients: ReadonlySet<number>
}

export class CommandInbox {
  private readonly deps: CommandInboxDeps
  /** The steps that are left of the command that the lane works on. */
  private current: Generator<number> | undefined

  constructor(deps: CommandInboxDeps) {
    this.deps = deps
  }

  /** Whether there is a command that the lane may take. @param position up to which the lane has read the tick log */
  canTake(position: number): boolean {
    const { ring, transfers } = this.deps
    return !transfers.isFull && ring.hasNext() && distance(ring.afterPosition, position) >= 0
  }

  /**
   * Takes some commands, or does some steps of one.
   *
   * @param position up to which the lane has read the tick log
   * @param place behind the last tick taken
   * @returns false when there was none to take
   */
  take(position: number, place: StreamPlace): boolean {
    const { control, ring, wakeUp } = this.deps
    let work = 0
    let hasTaken = false
    while (work < WORK_AT_ONCE) {
      if (this.current === undefined) {
        if (!this.canTake(position)) break
        const payload = ring.payload()
        work += WORK_PER_COMMAND + payload.length * WORK_PER_BYTE
        this.current = this.obey(decodeCommand(payload), place)
      }
      control.heartbeat()
      hasTaken = true
      const { done, value } = this.current.next()
      if (!done) work += value
      else {
        this.current = undefined
        // Afterwards: while the lane works on a command, the main thread sees that the lane has work.
        ring.release()
      }
    }
    if (hasTaken && control.mainWaits(FOR_COMMAND_ROOM)) wakeUp.wakeMain()
    return hasTaken
  }

  /** @returns the steps of a command, each with the number of symbols that it looked at */
  private *obey(command: LaneCommand, place: StreamPlace): Generator<number> {
    const { audiences, quarantinedClients, transfers } = this.deps
    switch (command.op) {
      case 'open':
        yield* audiences.open(command, place)
        break
      case 'derive':
        yield* audiences.derive(command, place)
        break
      case 'close':
        yield* audiences.close(command.audience)
        break
      case 'join':
        if (audiences.has(command.audience) && !quarantinedClients.has(command.client)) transfers.add(command)
        break
    }
  }
}
