/**
 * Takes the commands of clients out of the lane's command ring, between the records of the tick log. One lane's own.
 * A command is taken when the lane has read all ticks that were in the log when the command was sent. So a successor, too, replies
 * behind all ticks that any audience was sent: docs/decisions/0041-commands-have-a-ring-of-their-own.md.
 */
import { decodeCommand, type LaneCommand } from '../src/lane-protocol/lane-commands.js'
import type { CommandRingReader } from '../src/memory/command-ring-reader.js'
import { FOR_COMMAND_ROOM } from '../src/memory/control-words.js'
import type { LaneWakeUp } from '../src/memory/lane-wake-up.js'
import type { LaneAudiences } from './lane-audiences.js'
import type { LaneControl } from './lane-control.js'
import type { LaneTransfers } from './transfer/lane-transfers.js'

// What one round of the lane takes at most, so that ticks do not wait for many commands.
const COMMANDS_AT_ONCE = 16
const BYTES_AT_ONCE = 16 * 1024

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

  /** Whether there is a command that the lane may take. @param offset of the last tick taken */
  canTake(offset: number): boolean {
    const { ring, transfers } = this.deps
    return !transfers.areFull && ring.hasNext() && ring.afterOffset <= offset
  }

  /** Takes some commands. @param offset of the last tick taken @returns false when there was none to take */
  take(offset: number): boolean {
    const { control, ring, wakeUp } = this.deps
    let bytes = 0
    let commands = 0
    while (commands < COMMANDS_AT_ONCE && bytes < BYTES_AT_ONCE && this.canTake(offset)) {
      control.heartbeat()
      const payload = ring.payload()
      this.obey(decodeCommand(payload), offset)
      bytes += payload.length
      commands++
      // Afterwards: while the lane works on a command, the main thread sees that the lane has work.
      ring.release()
    }
    if (commands > 0 && control.mainWaits(FOR_COMMAND_ROOM)) wakeUp.wakeMain()
    return commands > 0
  }

  private obey(command: LaneCommand, offset: number): void {
    const { audiences, quarantinedClients, transfers } = this.deps
    switch (command.op) {
      case 'open':
        audiences.open(command, offset)
        return
      case 'derive':
        audiences.derive(command, offset)
        return
      case 'close':
        audiences.close(command.audience)
        return
      case 'join':
        if (audiences.has(command.audience) && !quarantinedClients.has(command.client)) transfers.add(command)
        return
    }
  }
}
