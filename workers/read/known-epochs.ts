/**
 * Which epoch each serial number belongs to, as far back as the lane knows. One lane's own. A replay that begins at a time
 * needs that for its first message.
 */
import { EPOCHS_MAX, type PlacedEpoch } from '../../src/lane-protocol/lane-task.js'
import type { StreamEpoch } from '../../src/lane-protocol/stream-events.js'

export class KnownEpochs {
  private readonly placed: PlacedEpoch[]

  /** @param placed those of the earlier lanes, at least one, in their order */
  constructor(placed: readonly PlacedEpoch[]) {
    this.placed = [...placed]
  }

  /** @param serial of the loss with which it begins */
  add(epoch: StreamEpoch, serial: number): void {
    if (serial <= this.placed.at(-1)!.serial) return
    this.placed.push({ epoch, serial })
    if (this.placed.length > EPOCHS_MAX) this.placed.shift()
  }

  at(serial: number): StreamEpoch {
    const found = this.placed.findLast(each => each.serial <= serial)
    return (found ?? this.placed[0]!).epoch
  }
}
