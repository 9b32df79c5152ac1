/**
 * Sends commands to the lanes, each through the command ring of its lane. Main thread.
 * A command that finds the ring full waits, and so do all later commands for that lane. So commands stay in their
 * order. What waits is bounded: while a command waits, the clients of its lane are refused further changes.
 */
import { encodeCommand, type LaneCommand } from '../lane-protocol/lane-commands.js'
import { commandRingBytes } from '../memory/command-ring-memory.js'
import { CommandRingWriter } from '../memory/command-ring-writer.js'
import { FOR_COMMAND_ROOM } from '../memory/control-words.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'

/** What a command takes beside its symbols or its replies: numbers of 16 digits, names, and INTERVALS_MAX intervals. */
export const COMMAND_OVERHEAD_BYTES = 1024

/** A lane as the sender sees it. */
export interface CommandLane {
  /**
   * Lets the lane wake the main thread, or not, when what the main thread waits for has happened.
   *
   * @param reason bit of MAIN_WAITS
   */
  setWaiting(reason: number, isWaiting: boolean): void
  /** Wakes the lane, whatever it waits for. */
  wakeLane(): void
}

export interface CommandSenderDeps {
  readonly lanes: readonly CommandLane[]
  /** Bytes of the symbols, or of the replies, in one command at most. */
  readonly textBytesMax: number
  /** The position after the last record of the tick log. */
  readonly logPosition: () => number
  readonly counters: CounterWriter
}

interface Channel {
  readonly lane: CommandLane
  readonly memory: SharedArrayBuffer
  readonly writer: CommandRingWriter
  /** Encoded commands. */
  readonly waiting: Uint8Array[]
  /**
   * No lane runs: its successor is told of the open audiences by its task, and is sent the requests in flight again.
   */
  isDown: boolean
}

export class CommandSender {
  private readonly deps: CommandSenderDeps
  private readonly channels: readonly Channel[]

  constructor(deps: CommandSenderDeps) {
    this.deps = deps
    this.channels = deps.lanes.map(lane => {
      const memory = new SharedArrayBuffer(commandRingBytes(deps.textBytesMax + COMMAND_OVERHEAD_BYTES))
      return { lane, memory, writer: new CommandRingWriter(memory), waiting: [], isDown: false }
    })
  }

  /** The command rings, by the index of the lane. */
  get rings(): readonly SharedArrayBuffer[] {
    return this.channels.map(({ memory }) => memory)
  }

  /** Whether commands wait for room in every ring. */
  get isFull(): boolean {
    return this.channels.every(({ waiting }) => waiting.length > 0)
  }

  /** Whether commands wait for room in the ring of a lane. */
  isWaiting(lane: number): boolean {
    return this.channels[lane]!.waiting.length > 0
  }

  /** Whether a lane has commands that it has not taken. */
  hasUntaken(lane: number): boolean {
    return !this.channels[lane]!.writer.isEmpty
  }

  send(lane: number, command: LaneCommand): void {
    const channel = this.channels[lane]!
    if (channel.isDown) return
    const bytes = encodeCommand(command)
    if (channel.waiting.length > 0 || !this.tryWrite(channel, bytes)) {
      this.deps.counters.values[MAIN_SLOTS.laneCommandsDelayed]! += 1
      channel.waiting.push(bytes)
      // First the wish to be woken, then the look: what the lane takes between the two is seen, and what it takes later
      // wakes this thread.
      channel.lane.setWaiting(FOR_COMMAND_ROOM, true)
      this.writeWaiting(channel)
    }
    channel.lane.wakeLane()
  }

  /** The lanes may have taken commands: writes what waits for room. */
  lanesMoved(): void {
    for (const channel of this.channels) {
      if (channel.waiting.length === 0) continue
      this.writeWaiting(channel)
      channel.lane.wakeLane()
    }
  }

  /** The lane has ended: forgets all commands for it, also those that come before its successor. */
  laneEnded(lane: number): void {
    const channel = this.channels[lane]!
    channel.isDown = true
    channel.writer.clear()
    channel.waiting.length = 0
    channel.lane.setWaiting(FOR_COMMAND_ROOM, false)
  }

  /** A successor is about to begin: it gets the commands that are sent from now on. */
  laneReplaced(lane: number): void {
    this.channels[lane]!.isDown = false
  }

  private writeWaiting(channel: Channel): void {
    const { lane, waiting } = channel
    let written = 0
    while (written < waiting.length && this.tryWrite(channel, waiting[written]!)) written++
    waiting.splice(0, written)
    if (waiting.length === 0) lane.setWaiting(FOR_COMMAND_ROOM, false)
  }

  private tryWrite({ writer }: Channel, bytes: Uint8Array): boolean {
    return writer.tryWrite(bytes, this.deps.logPosition())
  }
}
