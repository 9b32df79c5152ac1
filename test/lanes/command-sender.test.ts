import { beforeEach, describe, expect, it } from 'vitest'
import { decodeCommand, type LaneCommand } from '../../src/lane-protocol/lane-commands.js'
import { COMMAND_OVERHEAD_BYTES, type CommandLane, CommandSender } from '../../src/lanes/command-sender.js'
import { CommandRingReader } from '../../src/memory/command-ring-reader.js'
import { FOR_COMMAND_ROOM } from '../../src/memory/control-words.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { MAIN_SLOT_COUNT, MAIN_SLOTS } from '../../src/metrics/metric-table.js'
import { spec } from '../support/specs.js'

/** A lane as the sender sees it, and the lane's end of its command ring. */
class FakeLane implements CommandLane {
  wakeUps = 0
  isWaitedFor = false
  /** Called when the sender says that it waits. */
  onWaiting: () => void = () => {}
  reader!: CommandRingReader

  setWaiting(reason: number, isWaiting: boolean): void {
    expect(reason).toBe(FOR_COMMAND_ROOM)
    this.isWaitedFor = isWaiting
    if (isWaiting) this.onWaiting()
  }

  wakeLane(): void {
    this.wakeUps++
  }

  /** Takes commands. @returns the audiences that they name, and after which offset each may be taken */
  take(count = Number.POSITIVE_INFINITY): (readonly [number, number])[] {
    const taken: (readonly [number, number])[] = []
    while (taken.length < count && this.reader.hasNext()) {
      const { audience } = decodeCommand(this.reader.payload())
      taken.push([audience, this.reader.afterPosition])
      this.reader.release()
    }
    return taken
  }
}

let offset: number
let lanes: [FakeLane, FakeLane]
let sender: CommandSender
let counters: CounterWriter

beforeEach(() => {
  offset = 0
  lanes = [new FakeLane(), new FakeLane()]
  counters = new CounterWriter(new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))))
  sender = new CommandSender({ lanes, textBytesMax: 1024, logPosition: () => offset, counters })
  for (const [index, lane] of lanes.entries()) lane.reader = new CommandRingReader(sender.rings[index]!)
})

const close = (audience: number): LaneCommand => ({ op: 'close', audience })
const delayed = (): number => counters.values[MAIN_SLOTS.laneCommandsDelayed]!

/** Sends commands to the first lane until one of them waits. @returns their number */
function fill(): number {
  let sent = 0
  while (!sender.isWaiting(0)) sender.send(0, close(++sent))
  return sent
}

describe('commands', () => {
  it('reach their lane in order, each with the offset of the last tick, and wake that lane alone', () => {
    sender.send(0, close(1))
    offset = 7
    sender.send(0, close(2))
    expect(sender.hasUntaken(0)).toBe(true)
    expect(lanes[0].take()).toEqual([
      [1, 0],
      [2, 7],
    ])
    expect([lanes[0].wakeUps, lanes[1].wakeUps]).toEqual([2, 0])
    expect([sender.hasUntaken(0), lanes[1].take()]).toEqual([false, []])
  })

  it('that are as long as they may be fit into an empty ring', () => {
    const symbols = ['A'.repeat(1024 + COMMAND_OVERHEAD_BYTES - 150)]
    for (let audience = 1; audience <= 5; audience++) {
      sender.send(1, { op: 'open', audience, client: 1, spec: spec({ symbols }) })
      expect(lanes[1].take()).toHaveLength(1)
    }
    expect(delayed()).toBe(0)
  })

  it('wait in order while the ring is full, and are counted', () => {
    const sent = fill()
    sender.send(0, close(sent + 1))
    sender.send(1, close(1))
    expect([delayed(), sender.isWaiting(0), sender.isWaiting(1), sender.isFull]).toEqual([
      2,
      true,
      false,
      false,
    ])
    expect([lanes[0].isWaitedFor, lanes[1].isWaitedFor]).toEqual([true, false])
    // There is room again, but the commands that wait are first.
    const taken = lanes[0].take(3)
    sender.send(0, close(sent + 2))
    expect([sender.isWaiting(0), lanes[0].isWaitedFor]).toEqual([false, false])
    const { wakeUps } = lanes[0]
    sender.lanesMoved()
    expect(lanes[0].wakeUps).toBe(wakeUps)
    taken.push(...lanes[0].take())
    expect(taken.map(([audience]) => audience)).toEqual(
      Array.from({ length: sent + 2 }, (_, index) => index + 1),
    )
  })

  it('go on when the lane has taken some', () => {
    const sent = fill()
    sender.lanesMoved()
    expect(sender.isWaiting(0)).toBe(true)
    lanes[0].take(1)
    offset = 9
    const { wakeUps } = lanes[0]
    sender.lanesMoved()
    expect([sender.isWaiting(0), lanes[0].isWaitedFor, lanes[0].wakeUps]).toEqual([false, false, wakeUps + 1])
    expect(lanes[0].take().at(-1)).toEqual([sent, 9])
  })

  it('do not wait for a lane that takes some while the sender says that it waits', () => {
    lanes[0].onWaiting = () => lanes[0].take(1)
    let sent = 0
    while (delayed() === 0) sender.send(0, close(++sent))
    expect([sender.isWaiting(0), lanes[0].isWaitedFor]).toEqual([false, false])
    expect(lanes[0].take().at(-1)).toEqual([sent, 0])
  })

  it('of a lane that has ended are forgotten, also those that wait', () => {
    fill()
    sender.laneEnded(0)
    expect([sender.isWaiting(0), sender.hasUntaken(0), lanes[0].isWaitedFor]).toEqual([false, false, false])
    lanes[0].reader = new CommandRingReader(sender.rings[0]!)
    // The task of the successor says the same.
    sender.send(0, close(98))
    sender.laneReplaced(0)
    sender.send(0, close(99))
    expect(lanes[0].take()).toEqual([[99, 0]])
  })

  it('have all rings full when each lane is waited for', () => {
    fill()
    for (let audience = 1; !sender.isWaiting(1); audience++) sender.send(1, close(audience))
    expect(sender.isFull).toBe(true)
    sender.laneEnded(1)
    expect(sender.isFull).toBe(false)
  })
})
