/**
 * The gateways of a cluster as one client of the storm sees them: it connects to any of them, and gets the offsets of each
 * epoch as those of the record.
 */
import { WebSocket } from 'ws'
import type { Random } from '../../src/common/random.js'
import type {
  GapMessage,
  LiveMessage,
  ServerMessage,
  SubscribedMessage,
} from '../../src/protocol/messages.js'
import { binaryMessage } from '../support/binary-message.js'
import type { StormServers } from '../support/storm-client.js'
import type { StreamModel } from '../support/stream-model.js'
import { RUN_SPAN, RunRecord } from './run-record.js'

/** A gateway as clients see it. */
export interface Node {
  readonly port: number
  /** Of the process that runs, or the last one. */
  life: NodeLife
}

/** What clients know of one process. */
export interface NodeLife {
  /** It knows all ticks behind this offset. */
  knownFrom: number
}

/** A gateway that is stopped does not answer a handshake. */
const HANDSHAKE_TIMEOUT_MS = 3_000
const RETURN_MS_MAX = 300
/** 1006: the gateway was killed, or is not there. */
const EXPECTED_CLOSES = [1001, 1006, 1008, 4008]
const PROTOBUF_SHARE = 0.4
const COMPRESSED_SHARE = 0.2

export class ClusterServers implements StormServers {
  /** Connections to another gateway than the one before. */
  moves = 0
  private readonly nodes: readonly Node[]
  private readonly record: RunRecord
  private readonly random: Random
  private readonly protocols: readonly string[]
  private readonly perMessageDeflate: boolean
  private node: Node | undefined
  private life: NodeLife = { knownFrom: Number.POSITIVE_INFINITY }
  private model: StreamModel | undefined
  /** The first offset of the present epoch; undefined: the gateway has not had a tick yet, so its epoch has no meaning. */
  private start: number | undefined
  /** Of the epoch in which the replay has begun. */
  private replayStart = 0
  /** The offset that the connection resumes from; undefined: it does not. */
  private resumedFrom: number | undefined

  /** @param nodes to choose from */
  constructor(nodes: readonly Node[], record: RunRecord, random: Random) {
    this.nodes = nodes
    this.record = record
    this.random = random
    // A client that stays at one gateway is cheap, so that it is never behind.
    const isPlain = nodes.length === 1
    const isBinary = !isPlain && random.next() < PROTOBUF_SHARE
    this.protocols = isBinary ? ['ringcast.v1.protobuf', 'ringcast.v1.json'] : []
    this.perMessageDeflate = !isPlain && random.next() < COMPRESSED_SHARE
  }

  /** The model that checks the client. */
  attach(model: StreamModel): void {
    this.model = model
  }

  /** The gateway knows all ticks behind this offset, as far as its clients can tell. */
  get knownFrom(): number {
    return this.life.knownFrom
  }

  // StormServers

  open(query: string): WebSocket {
    const node = this.nodes[this.random.below(this.nodes.length)]!
    if (node !== this.node) this.moves++
    this.node = node
    this.life = node.life
    this.start = undefined
    const point = /[?&]resume=(run-\d+):(\d+)/.exec(query)
    this.resumedFrom = point === null ? undefined : RunRecord.startOf(point[1]!)! + Number(point[2])
    return new WebSocket(`ws://127.0.0.1:${node.port}/ws/ticks${query}`, [...this.protocols], {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      perMessageDeflate: this.perMessageDeflate,
    })
  }

  read(data: Buffer, isBinary: boolean): ServerMessage {
    return this.placed(isBinary ? binaryMessage(data) : (JSON.parse(String(data)) as ServerMessage))
  }

  mayFail(): boolean {
    return true
  }

  returnsAfterMs(code: number): number | undefined {
    return EXPECTED_CLOSES.includes(code) ? 1 + this.random.below(RETURN_MS_MAX) : undefined
  }

  pointOf(_epoch: string, offset: number): string | undefined {
    return offset === 0 ? undefined : `${RunRecord.epochOf(offset)}:${offset % RUN_SPAN}`
  }

  strangePointOf(offset: number): string {
    return `another:${offset % RUN_SPAN}`
  }

  firstOffset(offset: number): number {
    return offset - (offset % RUN_SPAN)
  }

  // Messages

  /** The message with offsets of the record. */
  private placed(message: ServerMessage): ServerMessage {
    switch (message.type) {
      case 'subscribed': {
        const reached = message.reached === undefined ? {} : { reached: this.offsetOf(message.reached) }
        return this.placedReply({ ...message, ...reached })
      }
      case 'unsubscribed':
        this.begin(message.epoch)
        return { ...message, offset: this.offsetOf(message.offset) }
      case 'gap':
        return this.placedGap(message)
      case 'live':
        return this.placedLive(message)
      case 'goodbye': {
        const [epoch = '', offset] = message.resume.split(':')
        const start = RunRecord.startOf(epoch)
        const place = start === undefined ? this.model!.offset : start + Number(offset)
        return { ...message, resume: `${epoch}:${place}` }
      }
      case 'ticks':
      case 'snapshot':
      case 'heartbeat':
        return { ...message, offset: this.offsetOf(message.offset) }
      default:
        return message
    }
  }

  private placedReply(message: SubscribedMessage): ServerMessage {
    this.begin(message.epoch)
    const offset = this.offsetOf(message.offset)
    if (message.resumed === true) this.replayStart = this.start ?? 0
    else if (this.start !== undefined) this.knows(offset)
    if (message.id === undefined && message.resumed === false) this.checkRefusedResume(offset)
    return { ...message, offset }
  }

  /** A resume must not be refused where the gateway has all ticks behind it. */
  private checkRefusedResume(offset: number): void {
    const from = this.resumedFrom
    if (from === undefined || from < this.life.knownFrom || from > offset) return
    this.model!.wrong(`not resumed from ${from} at a gateway that knows ${this.life.knownFrom} to ${offset}`)
  }

  private placedGap(gap: GapMessage): GapMessage {
    const { epoch, from, missed, reason, to } = gap
    const model = this.model!
    if (epoch !== undefined) {
      if (missed === 0 && this.start !== undefined) model.wrong(`an epoch ${epoch} of which nothing is told`)
      this.begin(epoch)
      const offset = this.offsetOf(gap.offset!)
      if (this.start !== undefined) {
        this.knows(offset)
        this.record.begins(offset)
      }
      return { ...gap, from: model.offset + 1, to: offset, offset }
    }
    if (this.start === undefined) return { ...gap, from: model.offset + 1, to: model.offset }
    // Ticks without offsets here: the gateway does not have the past of the client.
    const isPast = reason === 'resume' && to === from - 1
    return { ...gap, from: isPast ? model.offset + 1 : this.offsetOf(from), to: this.offsetOf(to) }
  }

  private placedLive(message: LiveMessage): LiveMessage {
    const { replayed } = message
    return {
      ...message,
      offset: this.offsetOf(message.offset),
      replayed: {
        ...replayed,
        from: replayed.from + this.replayStart,
        to: this.offsetOf(replayed.to),
      },
    }
  }

  private begin(epoch: string): void {
    const start = RunRecord.startOf(epoch)
    if (start === undefined && this.start !== undefined)
      this.model!.wrong(`an epoch that the feed has not named: ${epoch}`)
    this.start = start
  }

  private knows(offset: number): void {
    this.life.knownFrom = Math.min(this.life.knownFrom, offset)
  }

  private offsetOf(offset: number): number {
    return this.start === undefined ? this.model!.offset : this.start + offset
  }
}
