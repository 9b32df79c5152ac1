/**
 * One feed with positions on several servers, each of which a test may kill and start again.
 */
import { type ScriptedCall, ScriptedFeed, ticksAt } from './scripted-feed.js'

export class ReplicatedFeed {
  readonly servers: readonly ScriptedFeed[]
  private readonly epoch: string
  /** Of the last tick that was sent. */
  position = 0
  /** The calls that get ticks, and how many calls of each server have begun. */
  private readonly open = new Set<ScriptedCall>()
  private readonly begun = new Map<ScriptedFeed, number>()

  constructor(count: number, epoch = 'one') {
    this.servers = Array.from({ length: count }, () => new ScriptedFeed())
    this.epoch = epoch
  }

  async start(): Promise<void> {
    await Promise.all(this.servers.map(server => server.start()))
  }

  /** Sends so many ticks on all servers, and answers the calls that have come. */
  send(count: number): void {
    this.answer()
    for (let index = 0; index < count; index++) {
      this.position++
      for (const call of this.open) if (!call.stream.destroyed) call.send(ticksAt(this.position))
    }
  }

  /** Answers the calls that have come: from the position that they ask for, or from the next tick on. */
  answer(): void {
    for (const server of this.servers) {
      const begun = this.begun.get(server) ?? 0
      for (const call of server.calls.slice(begun)) {
        if (call.stream.destroyed) continue
        call.open(this.epoch)
        const fromPosition = Number(call.request.fromPosition)
        for (let next = fromPosition; next > 0 && next <= this.position; next++) call.send(ticksAt(next))
        this.open.add(call)
      }
      this.begun.set(server, server.calls.length)
    }
    for (const call of this.open) if (call.stream.destroyed) this.open.delete(call)
  }

  /** Resolves when the server has answered one more call than `before`. */
  async answered(server: ScriptedFeed, before: number): Promise<void> {
    await server.call(before + 1)
    this.answer()
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map(server => server.stop()))
  }
}
