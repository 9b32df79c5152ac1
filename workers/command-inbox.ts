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
import type { LaneAudiences } from './lane-audiences.js'
import type { LaneControl } from './lane-control.js'
import type { LaneTransfers } from './transfer/lane-transfers.js'

/**
 * Work from which on a round of the lane takes no more commands, so that ticks do not wait for many of them. A unit is
 * the work for one symbol: about 0.3 µs.
 */
const WORK_AT_ONCE = 2048
const WORK_PER_COMMAND = 128
const WORK_PER_BYTE = 1 / 8

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

  constructor(deps: CommandInboxDeps) {
    this.deps = deps
  }

  /** Whether there is a command that the lane may take. @param position up to which the lane has read the tick log */
  canTake(position: number): boolean {
    const { ring, transfers } = this.deps
    return !transfers.isFull && ring.hasNext() && distance(ring.afterPosition, position) >= 0
  }

  /**
   * Takes some commands.
   *
   * @param position up to which the lane has read the tick log
   * @param offset of the last tick taken
   * @returns false when there was none to take
   */
  take(position: number, offset: number): boolean {
    const { control, ring, wakeUp } = this.deps
    let work = 0
    while (work < WORK_AT_ONCE && this.canTake(position)) {
      control.heartbeat()
      const payload = ring.payload()
      const symbols = this.obey(decodeCommand(payload), offset)
      work += WORK_PER_COMMAND + payload.length * WORK_PER_BYTE + symbols
      // Afterwards: while the lane works on a command, the main thread sees that the lane has work.
      ring.release()
    }
    if (work > 0 && control.mainWaits(FOR_COMMAND_ROOM)) wakeUp.wakeMain()
    return work > 0
  }

  /** @returns entries and symbols that had to be looked at */
  private obey(command: LaneCommand, offset: number): number {
    const { audiences, quarantinedClients, transfers } = this.deps
    switch (command.op) {
      case 'open':
        return audiences.open(command, offset)
      case 'derive':
        return audiences.derive(command, offset)
      case 'close':
        return audiences.close(command.audience)
      case 'join':
        if (audiences.has(command.audience) && !quarantinedClients.has(command.client)) transfers.add(command)
        return 0
    }
  }
}
