/**
 * A feed with positions that holds its ticks, and sends each call what it asks for. A test may let it drop ticks, count
 * anew, end a call or fall silent in the midst of what it sends.
 */
import { encodeTick, type Tick } from './proto-messages.js'
import { type ScriptedCall, ScriptedFeed } from './scripted-feed.js'

interface Held {
  readonly position: number
  readonly bytes: Uint8Array
}

export class HeldFeed {
  readonly server = new ScriptedFeed()
  epoch = 'run'
  /** Of the last tick. */
  position = 0
  ticksPerMessage = 10
  /** How many ticks before the position that was asked for a call begins. */
  repeats = 0
  /** Whether a call that asks for a position is answered. */
  answers: (call: ScriptedCall) => boolean = () => true
  /** Called before each message of held ticks, with its first position. @returns whether to go on with this call */
  sends: (call: ScriptedCall, position: number) => boolean = () => true
  private held: Held[] = []
  private readonly open = new Set<ScriptedCall>()

  async start(): Promise<void> {
    await this.server.start()
    void this.serve()
  }

  /** Makes ticks up to this position, and sends them. @param symbols of the ticks, in turn */
  upTo(position: number, symbols: readonly string[] = ['A']): void {
    const ticks: Held[] = []
    while (this.position < position) {
      this.position++
      const symbol = symbols[this.position % symbols.length]!
      const tick: Partial<Tick> = { symbol, kind: 1, sequence: this.position, position: this.position }
      ticks.push({ position: this.position, bytes: encodeTick(tick) })
    }
    this.add(ticks)
  }

  /** Makes and sends a tick that cannot be read, at the next position. */
  malformed(): void {
    this.add([{ position: ++this.position, bytes: Uint8Array.of(0) }])
  }

  /** Positions have a hole. */
  hole(positions: number): void {
    this.position += positions
  }

  /** Holds nothing before this position any more. */
  dropBefore(position: number): void {
    this.held = this.held.filter(each => each.position >= position)
  }

  /** The calls that asked for a position, in their order. */
  get readings(): ScriptedCall[] {
    return this.server.calls.filter(({ request }) => Number(request.fromPosition) > 0)
  }

  /** Readings whose connection stands. */
  get openReadings(): number {
    return this.readings.filter(({ stream }) => !stream.destroyed).length
  }

  async stop(): Promise<void> {
    await this.server.stop()
  }

  private async serve(): Promise<void> {
    for (let number = 1; ; number++) {
      const call = await this.server.call(number)
      const from = Number(call.request.fromPosition)
      if (from > 0 && !this.answers(call)) continue
      call.open(this.epoch)
      const ticks = from > 0 ? this.held.filter(({ position }) => position >= from - this.repeats) : []
      if (this.write(call, ticks)) this.open.add(call)
    }
  }

  private add(ticks: readonly Held[]): void {
    this.held.push(...ticks)
    for (const call of this.open) if (!this.write(call, ticks)) this.open.delete(call)
  }

  private write(call: ScriptedCall, ticks: readonly Held[]): boolean {
    const isReading = Number(call.request.fromPosition) > 0
    for (let index = 0; index < ticks.length; index += this.ticksPerMessage) {
      if (call.stream.destroyed) return false
      const some = ticks.slice(index, index + this.ticksPerMessage)
      if (isReading && !this.sends(call, some[0]!.position)) return false
      if (call.method === 'Stream') for (const { bytes } of some) call.sendBytes(bytes)
      else
        call.sendBytes(Buffer.concat(some.flatMap(({ bytes }) => [Uint8Array.of(0x0a, bytes.length), bytes])))
    }
    return !call.stream.destroyed
  }
}
