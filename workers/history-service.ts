/**
 * Carries out the readings of the past that the main thread asks for, each with its own place. Of the thread that reads
 * the past. A reading that waits for the source holds up no other one.
 */
import { type AudienceSpec, entriesOf } from '../src/lane-protocol/audience-spec.js'
import type { FromHistory, ToHistory, WantedPast } from '../src/lane-protocol/history-messages.js'
import type { HistoryReading, StreamHistory } from '../src/ticks/stream-history.js'
import { DeliveryMap } from './collect/delivery-map.js'
import { LaneAudience } from './collect/lane-audience.js'
import type { KnownSymbol } from './read/symbol-table.js'
import { HistoryReplay, type HistoryReplayDeps } from './transfer/history-replay.js'

export interface HistoryServiceDeps extends HistoryReplayDeps<KnownSymbol> {
  readonly history: StreamHistory
  readonly send: (message: FromHistory, transfer: readonly ArrayBuffer[]) => void
  /** The time of the system's clock, µs since the Unix epoch. */
  readonly wallUs: () => number
}

/** One client's reading; undefined fields: it is not open yet, or the client has not said what it wants. */
interface Service {
  /** Aborted when nobody needs the reading any more. */
  readonly ending: AbortController
  reading: HistoryReading | undefined
  replay: HistoryReplay<KnownSymbol> | undefined
  isAtEnd: boolean
}

const NOTHING_SENT = {
  audience: 0,
  seq: 0,
  ticksTotal: 0,
  lostTotal: 0,
  unknownLosses: 0,
  statusNumber: 0,
  serial: 0,
  offset: 0,
  epoch: 0,
} as const

export class HistoryService {
  private readonly deps: HistoryServiceDeps
  private readonly services = new Map<number, Service>()

  constructor(deps: HistoryServiceDeps) {
    this.deps = deps
  }

  /** Never rejects: what fails ends its reading. */
  async take(message: Exclude<ToHistory, { type: 'stop' }>): Promise<void> {
    const { reading } = message
    try {
      if (message.type === 'open') await this.open(message)
      else if (message.type === 'next') await this.next(message)
      else this.close(reading)
    } catch (error) {
      if (!this.services.has(reading)) return
      this.close(reading)
      const reason = error instanceof Error ? error.message : String(error)
      this.deps.send({ type: 'failed', reading, reason }, [])
    }
  }

  private async open({ point, reading: id }: ToHistory & { type: 'open' }): Promise<void> {
    const service: Service = {
      ending: new AbortController(),
      reading: undefined,
      replay: undefined,
      isAtEnd: false,
    }
    this.services.set(id, service)
    const reading = await this.deps.history.open(point, service.ending.signal)
    if (this.services.get(id) !== service) {
      reading?.close()
      return
    }
    if (reading === undefined) this.services.delete(id)
    service.reading = reading
    const start = reading && { place: reading.start, isWhole: reading.isWhole }
    this.deps.send({ type: 'opened', reading: id, start }, [])
  }

  private async next({ reading: id, seq, wanted }: ToHistory & { type: 'next' }): Promise<void> {
    const service = this.services.get(id)
    if (service?.reading === undefined) return
    if (wanted !== undefined) service.replay = this.replayOf(service.reading, wanted)
    const replay = service.replay!
    if (replay.isDone) {
      const { isAtEnd, records } = await service.reading.next()
      if (this.services.get(id) !== service) return
      service.isAtEnd = isAtEnd
      replay.add(records)
    }
    const { composer, send, wallUs } = this.deps
    composer.beginTurn(wallUs(), 0)
    const part = replay.next(seq)
    const isAtEnd = service.isAtEnd && replay.isDone
    send({ type: 'part', reading: id, part: { ...part, isPastHad: replay.isPastHad, isAtEnd } }, [
      part.frames.buffer as ArrayBuffer,
    ])
  }

  private close(id: number): void {
    const service = this.services.get(id)
    this.services.delete(id)
    service?.ending.abort()
    service?.reading?.close()
  }

  private replayOf({ start }: HistoryReading, wanted: WantedPast): HistoryReplay<KnownSymbol> {
    const { has, spec } = wanted
    return new HistoryReplay(this.deps, audienceOf(spec), has && audienceOf(has.spec), wanted, start)
  }
}

function audienceOf(spec: AudienceSpec): LaneAudience {
  return new LaneAudience({ ...NOTHING_SENT, spec }, DeliveryMap.of(entriesOf(spec)))
}
