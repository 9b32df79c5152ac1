/**
 * Builds what the thread that reads the past needs to compose frames: memory of its own, as a lane has it. Runs once.
 */
import { type Clock, wallUs } from '../src/common/clock.js'
import type { FromHistory } from '../src/lane-protocol/history-messages.js'
import { turnOvershootBytes } from '../src/lane-protocol/lane-task.js'
import { CounterWriter } from '../src/memory/counters.js'
import { FrameRingReader } from '../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../src/memory/frame-ring-writer.js'
import { allocateLaneMemory, copierOf } from '../src/memory/lane-allocation.js'
import { laneLayout, SEGMENT_COUNT_MIN } from '../src/memory/lane-layout.js'
import { LANE_SLOT_COUNT } from '../src/metrics/metric-table.js'
import type { StreamHistory } from '../src/ticks/stream-history.js'
import type { TickCodec } from '../src/ticks/tick-codec.js'
import { TurnBuffer } from './collect/turn-buffer.js'
import { Deflater } from './compose/deflater.js'
import { FrameComposer } from './compose/frame-composer.js'
import { FramePublisher } from './compose/frame-publisher.js'
import { HistoryService } from './history-service.js'
import { KnownSymbol, SymbolTable } from './read/symbol-table.js'
import { HistoryWindow } from './transfer/history-window.js'

/** Bytes of one message of a client, about. */
const PART_BYTES_MAX = 64 * 1024
/** Ticks that are read for one message. */
const PART_TICKS_MAX = 8_192
/** The scratch holds the ticks of one message in two encodings. */
const SCRATCH_BYTES_MIN = 512 * 1024
const SCRATCH_BYTES_PER_OVERSHOOT_BYTE = 8
/** Frames for single clients are not compressed, see docs/decisions/0008-single-clients-get-plain-bytes.md. */
const COMPRESSION = { bytesMin: 0, level: 1 }

export interface HistoryAssemblyDeps {
  readonly codec: TickCodec
  readonly history: StreamHistory
  readonly send: (message: FromHistory, transfer: readonly ArrayBuffer[]) => void
  readonly clock: Pick<Clock, 'aheadUs' | 'epochUs'>
}

export function assembleHistory({ clock, codec, history, send }: HistoryAssemblyDeps): HistoryService {
  const overshootBytes = turnOvershootBytes(codec)
  const recordBytesMax = PART_BYTES_MAX + overshootBytes
  const ringBytes = 2 ** Math.ceil(Math.log2(2 * SEGMENT_COUNT_MIN * recordBytesMax))
  const scratchBytes = Math.max(SCRATCH_BYTES_MIN, SCRATCH_BYTES_PER_OVERSHOOT_BYTE * overshootBytes)
  const layout = laneLayout(ringBytes, recordBytesMax, scratchBytes)
  const memory = allocateLaneMemory(layout.totalBytes)
  // Gives the writer its segments.
  new FrameRingReader(memory.buffer, layout)
  const ring = new FrameRingWriter(memory.buffer, layout)
  const turn = new TurnBuffer(ring.bytes, layout, codec)
  const deflater = new Deflater(
    ring.bytes,
    COMPRESSION,
    new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT)),
  )
  const records = new HistoryWindow()
  return new HistoryService({
    codec,
    history,
    records,
    reader: codec.createReader(records.bytes),
    symbols: new SymbolTable((symbol, bytes, isKept) => new KnownSymbol(symbol, bytes, isKept, codec)),
    quarantined: new Set(),
    turn,
    composer: new FrameComposer(ring.bytes, copierOf(memory), turn, deflater),
    publisher: new FramePublisher(
      ring,
      // Nothing is published, so the first segment is always free.
      () => {},
      () => {},
    ),
    partBytesMax: PART_BYTES_MAX,
    partTicksMax: PART_TICKS_MAX,
    send,
    wallUs: () => wallUs(clock),
  })
}
