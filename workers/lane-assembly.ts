/**
 * Builds a lane from its task and from the state that an earlier lane committed. Runs once, in the lane's thread.
 */

import type { Clock } from '../src/common/clock.js'
import { type LaneTask, turnOvershootBytes } from '../src/lane-protocol/lane-task.js'
import { CommandRingReader } from '../src/memory/command-ring-reader.js'
import { CommittedState } from '../src/memory/committed-state.js'
import { CounterWriter } from '../src/memory/counters.js'
import { FrameRingWriter } from '../src/memory/frame-ring-writer.js'
import { copierOf } from '../src/memory/lane-allocation.js'
import { LaneWakeUp } from '../src/memory/lane-wake-up.js'
import { LatestStore } from '../src/memory/latest-store.js'
import { TickLogHistory } from '../src/memory/tick-log-history.js'
import { TickLogReader } from '../src/memory/tick-log-reader.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import type { TickCodec } from '../src/ticks/tick-codec.js'
import { LossCollector } from './collect/loss-collector.js'
import { TickCollector } from './collect/tick-collector.js'
import { TurnBuffer } from './collect/turn-buffer.js'
import { CommandInbox } from './command-inbox.js'
import { AudienceHeartbeats } from './compose/audience-heartbeats.js'
import { Deflater } from './compose/deflater.js'
import { FrameComposer } from './compose/frame-composer.js'
import { FramePublisher } from './compose/frame-publisher.js'
import { GroupFlush } from './compose/group-flush.js'
import { TurnWriter } from './compose/turn-writer.js'
import { AudienceDirectory } from './conflate/audience-directory.js'
import { ConflationSchedule } from './conflate/conflation-schedule.js'
import { EncodedLatest } from './conflate/encoded-latest.js'
import { LatestChunks } from './conflate/latest-chunks.js'
import { LatestTicks } from './conflate/latest-ticks.js'
import { SnapshotChunks } from './conflate/snapshot-chunks.js'
import { LaneAudiences } from './lane-audiences.js'
import { LaneCommit } from './lane-commit.js'
import { LaneControl } from './lane-control.js'
import { LaneLoop } from './lane-loop.js'
import type { LaneMemoryWatch } from './lane-memory-watch.js'
import { LaneReader } from './lane-reader.js'
import { LaneSleep } from './lane-sleep.js'
import { CurrentStatus } from './read/current-status.js'
import { KnownEpochs } from './read/known-epochs.js'
import { LogCursor } from './read/log-cursor.js'
import { TickClassifier } from './read/tick-classifier.js'
import { JoinFlush } from './transfer/join-flush.js'
import { JoinTransfer } from './transfer/join-transfer.js'
import { LaneTransfers } from './transfer/lane-transfers.js'
import { LeaveFlush } from './transfer/leave-flush.js'
import { OpeningCharges } from './transfer/opening-charges.js'
import { ReplayReader } from './transfer/replay-reader.js'
import { ReplayTransfer } from './transfer/replay-transfer.js'
import { ReplyPublisher } from './transfer/reply-publisher.js'
import { RequestQueue } from './transfer/request-queue.js'
import { SnapshotTransfer } from './transfer/snapshot-transfer.js'

export function assembleLane(
  task: LaneTask,
  codec: TickCodec,
  clock: Pick<Clock, 'nowMs' | 'epochUs' | 'aheadUs'>,
  memoryWatch: Pick<LaneMemoryWatch, 'look'>,
): LaneLoop {
  const { layout, turnBytesMax } = task
  const memory = task.memory.buffer
  const state = new CommittedState(memory)
  const committed = state.committed()

  // Shared memory
  const control = new LaneControl(memory)
  const log = new TickLogReader(task.tickLog, committed.cursor)
  const ring = new FrameRingWriter(memory, layout)
  const wakeUp = new LaneWakeUp(control.words, task.wakeUpPort)
  const counters = new CounterWriter(new BigInt64Array(task.counters))
  const sleep = new LaneSleep({ control, wakeUp, ring, counters, clock, memoryWatch })

  // Read and collect
  const directory = new AudienceDirectory(codec)
  const { symbols } = directory
  const quarantined = new Set(task.quarantinedTicks)
  const status = new CurrentStatus(task.feedStatus)
  const epochs = new KnownEpochs(task.epochs)
  const cursor = new LogCursor(log, committed, task.epoch, codec.batchPath)
  const turn = new TurnBuffer(ring.bytes, layout, codec)
  const { bytes } = log
  const tickReader = codec.createReader(bytes)
  const collector = new TickCollector({ log, cursor, reader: tickReader, turn, turnBytesMax })
  const losses = new LossCollector(cursor, collector, counters)
  const classifier = new TickClassifier({
    bytes,
    reader: tickReader,
    symbols,
    quarantined,
    losses,
  })

  // Conflate
  const latest = new LatestTicks(new LatestStore(task.latest), bytes, codec)
  // An earlier lane had no room for some symbols, and nobody knows for which.
  if (counters.values[LANE_SLOTS.latestFull]! > 0) symbols.hasForgotten = true
  latest.restore(symbols, committed.serial)
  const chunks = new LatestChunks(latest, turn, turnBytesMax)
  const schedule = new ConflationSchedule()

  // Compose
  const deflater = new Deflater(ring.bytes, task.compression, counters)
  const composer = new FrameComposer(ring.bytes, copierOf(task.memory), turn, deflater)
  const publisher = new FramePublisher(
    ring,
    hasRoom => sleep.waitForRoom(hasRoom),
    () => control.heartbeat(),
  )
  const turnWriter = new TurnWriter({ turn, composer, publisher, counters, clock })
  const heartbeats = new AudienceHeartbeats()
  const groupFlush = new GroupFlush({ schedule, chunks, composer, publisher, counters, clock })

  // Transfer
  const replyBytesMax = turnBytesMax
  // The reply, this part and the first chunk of a snapshot go into one segment of the ring, see laneLayout.
  const partBytesMax = turnBytesMax / 4
  const setCurrentClient = (client: number): void => control.setCurrentClient(client)
  const charges = new OpeningCharges()
  const replyPublisher = new ReplyPublisher(publisher, charges, directory)
  const joinFlush = new JoinFlush({
    directory,
    schedule,
    chunks,
    composer,
    publisher,
    groupFlush,
    setCurrentClient,
  })
  const recordBytesMax = turnBytesMax + turnOvershootBytes(codec)
  const encoded = new EncodedLatest(ring.bytes, layout, codec, latest, recordBytesMax)
  const snapshots = new SnapshotTransfer({
    directory,
    latest,
    encoded,
    chunks: new SnapshotChunks(encoded, turnBytesMax),
    composer,
    publisher,
    replyPublisher,
    setCurrentClient,
  })
  const leaveFlush = new LeaveFlush({ directory, joinFlush, snapshots, status, cursor, replyBytesMax })
  const joins = new JoinTransfer({
    cursor,
    status,
    joinFlush,
    leaveFlush,
    snapshots,
    replyBytesMax,
    setCurrentClient,
  })
  const replayReader = new ReplayReader({
    codec,
    epochs,
    symbols,
    quarantined,
    turn,
    composer,
    publisher,
    partBytesMax,
    history: new TickLogHistory(task.tickLog),
  })
  const replays = new ReplayTransfer({
    cursor,
    directory,
    status,
    joinFlush,
    leaveFlush,
    reader: replayReader,
    snapshots,
    replyPublisher,
    setCurrentClient,
  })
  const queue = new RequestQueue()
  const transfers = new LaneTransfers({ directory, queue, joins, replays, replyBytesMax, setCurrentClient })

  // The lane
  const laneReader = new LaneReader({
    control,
    log,
    cursor,
    classifier,
    losses,
    epochs,
    status,
    collector,
    schedule,
    latest,
    counters,
  })
  const audiences = new LaneAudiences({ collector, directory, schedule, heartbeats, status, clock, charges })
  for (const audience of task.audiences) {
    // Many audiences of many symbols take longer than a lane may be silent.
    control.heartbeat()
    audiences.restore(audience)
  }
  const inbox = new CommandInbox({
    audiences,
    transfers,
    control,
    wakeUp,
    ring: new CommandRingReader(task.commands),
    quarantinedClients: new Set(task.quarantinedClients),
  })
  const commit = new LaneCommit({ control, wakeUp, state, latest }, committed)
  commit.publish()
  return new LaneLoop({
    clock,
    control,
    wakeUp,
    ring,
    counters,
    reader: laneReader,
    inbox,
    collector,
    schedule,
    composer,
    turnWriter,
    groupFlush,
    heartbeats,
    status,
    transfers,
    commit,
    sleep,
  })
}
