/**
 * The clients of a lane in a test, as the main thread sees them: their audiences, their requests, and all that they
 * got.
 */
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import type {
  CommandReply,
  JoinCommand,
  LaneCommand,
  Progress,
} from '../../src/lane-protocol/lane-commands.js'
import type { GroupProgress } from '../../src/lane-protocol/lane-task.js'
import { type AudienceDescriptor, NO_GROUP } from '../../src/memory/audience-descriptor.js'
import { AWAIT_FLUSH, MORE, type ReplyDescriptor, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import type { Message } from './lane-messages.js'
import { spec } from './specs.js'

interface StageAudience {
  readonly spec: AudienceSpec
  seq: number
  progress: Progress
  readonly conflated: GroupProgress[]
}

/** A client's time in one audience, from the reply that makes it a member. */
export interface Stay {
  readonly spec: AudienceSpec
  /** The client is to get all ticks after this offset. */
  readonly from: number
  /** Where the client fell behind before; null: it did not. */
  readonly fellBehindAt: Progress | null
  /** The symbols of which the client asked for a snapshot; undefined: none. */
  readonly snapshotOf: readonly string[] | undefined
  readonly answer: readonly Message[]
  /** Whether the lane died before the last part of the reply. */
  readonly isCut: boolean
  readonly messages: Message[]
  /** Offset at which the next stay begins, or at which the client fell behind. */
  to: number | undefined
  /**
   * Of a client that waited for a flush and left: the snapshots of what it waited for, and the offset up to which they
   * go.
   */
  waited: { readonly until: number; readonly snapshots: readonly Message[] } | undefined
}

interface StageJoin {
  readonly command: JoinCommand
  readonly audience: number
  readonly fellBehindAt: Progress | null
  readonly snapshotOf: readonly string[] | undefined
  /** Whether the client asks for nothing but the snapshot. */
  readonly isTold: boolean
  /** The last messages of the audience that the client leaves, and then the reply. */
  readonly messages: Message[]
  /** The part of the reply that makes the client a member, while it is not the last one. */
  begun: ReplyDescriptor | undefined
}

/** A client as the main thread sees it. */
export class StageClient {
  readonly id: number
  /** The audience that it is in, or the first that it asked for. */
  audience: number
  /** Id of its last request. */
  request = 0
  isReceiving = false
  /** Whether it asks again when its audience is sent a record. */
  waits = false
  asked: StageJoin | undefined
  fellBehindAt: Progress | null = null
  /** All that it got. */
  readonly messages: Message[] = []
  readonly stays: Stay[] = []

  constructor(id: number, audience: number) {
    this.id = id
    this.audience = audience
  }
}

const PROGRESS_AT_FIRST: Progress = {
  ticksTotal: 0,
  lostTotal: 0,
  unknownLosses: 0,
  statusNumber: 0,
  serial: 0,
  offset: 0,
  epoch: 0,
  flushedSerial: 0,
}

export abstract class StageClients {
  readonly audiences = new Map<number, StageAudience>()
  readonly clients = new Map<number, StageClient>()

  /** Sends the lane a command. */
  abstract command(command: LaneCommand): void

  open(audience: number, part: Partial<AudienceSpec> = {}): void {
    const whole = spec(part)
    this.audiences.set(audience, { spec: whole, seq: 0, progress: PROGRESS_AT_FIRST, conflated: [] })
    this.command({ op: 'open', audience, client: audience, spec: whole })
  }

  close(audience: number): void {
    this.audiences.delete(audience)
    this.command({ op: 'close', audience })
  }

  /**
   * A client asks to join an audience. Until it is a member it gets the frames of its old audience.
   *
   * @param fellBehindAt where the client was overrun, if it was
   * @param snapshotOf the symbols of which it asks for a snapshot; undefined: none
   * @param isTold whether it asks for nothing but the snapshot
   */
  join(
    id: number,
    audience: number,
    fellBehindAt: Progress | null = null,
    snapshotOf?: readonly string[],
    isTold = false,
  ): StageClient {
    const client = this.clients.get(id) ?? new StageClient(id, audience)
    this.clients.set(id, client)
    client.request++
    if (fellBehindAt !== null) client.isReceiving = false
    const behind = fellBehindAt ?? (client.waits ? client.fellBehindAt : null)
    const command: JoinCommand = {
      op: 'join',
      audience,
      leaving: client.isReceiving || behind !== null ? client.audience : 0,
      client: id,
      name: `c${id}`,
      request: client.request,
      fellBehindAt: behind,
      replay: null,
      replies: fellBehindAt === null ? [answerWith(snapshotOf, isTold)] : [],
    }
    client.asked = { command, audience, fellBehindAt, snapshotOf, isTold, messages: [], begun: undefined }
    this.command(command)
    return client
  }

  /** The client stops reading, and is overrun. */
  fallBehind(id: number): void {
    const client = this.clients.get(id)!
    const { conflated, progress } = this.audiences.get(client.audience)!
    const flushedSerial = Math.min(...conflated.map(part => part.flushedSerial), Number.MAX_SAFE_INTEGER)
    client.isReceiving = false
    client.fellBehindAt = { ...progress, flushedSerial }
    client.stays.at(-1)!.to = progress.offset
  }

  /** The client that fell behind reads again. */
  comeBack(id: number): void {
    const { audience, fellBehindAt } = this.clients.get(id)!
    this.join(id, audience, fellBehindAt)
  }
  /** The lane's thread has ended, and all that it published was taken. */
  protected settleRequests(): void {
    for (const client of this.clients.values()) {
      const { asked } = client
      if (asked?.begun !== undefined) {
        this.letIn(client, asked, asked.begun)
        const joined = this.audiences.get(client.audience)
        if (joined !== undefined) this.join(client.id, client.audience, null, entriesOf(joined.spec), true)
      } else if (asked !== undefined) {
        // Only a snapshot of what the client missed while it waited has parts without an outcome. A successor begins
        // again.
        const other = asked.messages.find(message => message.type !== 'snapshot')
        if (other !== undefined) throw new Error(`a client got a reply with ${other.type}, and is no member`)
        asked.messages.length = 0
      }
    }
  }

  /** A successor has none of the lane's commands: sends the requests in flight again. */
  protected sendAgain(): void {
    for (const { asked } of this.clients.values()) if (asked !== undefined) this.command(asked.command)
  }

  protected takeFrames(descriptor: AudienceDescriptor, messages: Message[]): void {
    const audience = this.audiences.get(descriptor.audience)
    if (audience === undefined) return
    const { epoch, lastOffset, lastSerial, lostTotal, statusNumber, ticksTotal, unknownLosses } = descriptor
    const ticks = messages.filter(message => message.type === 'ticks')
    if (descriptor.messages !== ticks.length)
      throw new Error(`${ticks.length} ticks messages, ${descriptor.messages} said`)
    audience.seq += descriptor.messages
    if (descriptor.group === NO_GROUP)
      audience.progress = {
        ...audience.progress,
        serial: lastSerial,
        offset: lastOffset,
        epoch,
        lostTotal,
        ticksTotal,
        unknownLosses,
        statusNumber,
      }
    else audience.conflated[descriptor.group] = { flushedSerial: lastSerial, ticksTotal }
    for (const client of this.clients.values()) {
      if (client.audience !== descriptor.audience) continue
      if (client.waits && client.asked === undefined && descriptor.length > 0) this.comeBack(client.id)
      if (!client.isReceiving) continue
      client.messages.push(...messages)
      client.stays.at(-1)!.messages.push(...messages)
    }
  }

  protected takeReply(descriptor: ReplyDescriptor, messages: Message[]): void {
    const client = this.clients.get(descriptor.client)
    // A successor repeats replies.
    if (client?.asked === undefined || client.request !== descriptor.request) return
    client.messages.push(...messages)
    client.asked.messages.push(...messages)
    if (descriptor.outcome === UNCHANGED || descriptor.outcome === MORE) return
    if (descriptor.isLast) this.letIn(client, client.asked, descriptor)
    else client.asked.begun = descriptor
  }

  private letIn(client: StageClient, asked: StageJoin, descriptor: ReplyDescriptor): void {
    const { audience, fellBehindAt, messages, snapshotOf } = asked
    const at = answerStart(asked)
    const lastOfOld = messages.slice(0, at)
    const answer = messages.slice(at)
    const from = descriptor.offset
    const joined = this.audiences.get(audience)
    const before = client.stays.at(-1)
    if (client.isReceiving) {
      before!.to = from
      before!.messages.push(...lastOfOld)
    } else if (client.waits && fellBehindAt === null) before!.waited = { until: from, snapshots: lastOfOld }
    client.asked = undefined
    client.audience = audience
    client.waits = descriptor.outcome === AWAIT_FLUSH
    client.isReceiving = !client.waits
    if (joined === undefined) return
    const { epoch, lostTotal, offset, serial, statusNumber, ticksTotal, unknownLosses } = descriptor
    const place = { serial, offset, epoch }
    if (client.waits)
      client.fellBehindAt = {
        ticksTotal,
        lostTotal,
        unknownLosses,
        statusNumber,
        ...place,
        flushedSerial: serial,
      }
    client.stays.push({
      spec: joined.spec,
      from,
      fellBehindAt,
      snapshotOf,
      answer,
      messages: [],
      waited: undefined,
      isCut: !descriptor.isLast,
      to: client.waits ? from : undefined,
    })
    joined.progress = { ...joined.progress, ...place, statusNumber }
  }
}

function answerWith(snapshotOf: readonly string[] | undefined, isTold: boolean): CommandReply {
  const symbols = snapshotOf ?? ['*']
  if (isTold) return { type: 'snapshot' }
  return { type: 'subscribed', symbols, delivery: 'every', snapshot: snapshotOf !== undefined }
}

function entriesOf({ latest, symbols }: AudienceSpec): string[] {
  return symbols === null ? ['*'] : [...symbols, ...latest.flatMap(part => part.symbols)]
}

/** Index of the first message of the reply, behind the last messages of the old audience. */
function answerStart({ fellBehindAt, isTold, messages }: StageJoin): number {
  if (fellBehindAt !== null) return 0
  if (!isTold) return messages.findIndex(({ type }) => type === 'subscribed')
  let start = messages.length - 1
  while (start > 0 && isMore(messages[start - 1]!)) start--
  return start
}

const isMore = (message: Message): boolean => message.type === 'snapshot' && message.more === true
