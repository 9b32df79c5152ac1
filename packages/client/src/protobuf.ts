/**
 * The binary messages with ticks: `TicksMessage` of proto/ringcast.proto. An entry of its own, so that a client of JSON does not
 * load it. Unknown fields are skipped.
 */
import type { Codec } from './codec.js'
import type { MarketTick, ServerMessage, SnapshotMessage, TickHead, TicksMessage } from './messages.js'

/** A tick of a schema of the gateway's own: its message is given as the bytes of the feed. */
export interface EncodedTick extends TickHead {
  readonly message: Uint8Array
}

/** Reads quotes and trades as the objects that JSON would give. With a schema of the gateway's own, `EncodedTick`. */
export const protobuf: Codec<MarketTick> = codec<MarketTick>()

/** The same for a gateway that serves a schema of its own. */
export const protobufOfSchema: Codec<EncodedTick> = codec<EncodedTick>()

const KIND_QUOTE = 1
const KIND_TRADE = 2
const TEXT = new TextDecoder()

function codec<Tick extends TickHead>(): Codec<Tick> {
  return {
    subprotocols: ['ringcast.v1.protobuf'],
    decode: data => readTicksMessage(new Reader(new Uint8Array(data))) as ServerMessage<Tick>,
  }
}

function readTicksMessage(reader: Reader): TicksMessage<TickHead> | SnapshotMessage<TickHead> {
  const ticks: TickHead[] = []
  const received: number[] = []
  let seq = 0
  let offset = 0
  let merged = 0
  let published = 0
  let isSnapshot = false
  let more = false
  let incomplete = false
  for (;;) {
    const field = reader.nextField()
    if (field === 0) break
    if (field === 1) seq = reader.number()
    else if (field === 2) offset = reader.number()
    else if (field === 3) ticks.push(readTick(reader.message()))
    else if (field === 4) merged = reader.number()
    else if (field === 5) isSnapshot = reader.number() !== 0
    else if (field === 6) more = reader.number() !== 0
    else if (field === 7) published = reader.number()
    else if (field === 8) reader.numbers(received)
    else if (field === 9) ticks.push(readSchemaTick(reader.message()))
    else if (field === 10) incomplete = reader.number() !== 0
    else reader.skip()
  }
  // As JSON leaves out what is not there.
  const stamps = published === 0 ? {} : { published, received }
  if (isSnapshot)
    return {
      type: 'snapshot',
      seq,
      offset,
      ...(more ? { more } : {}),
      ...(incomplete ? { incomplete } : {}),
      ...stamps,
      ticks,
    }
  return { type: 'ticks', seq, offset, ...(merged === 0 ? {} : { merged }), ...stamps, ticks }
}

function readTick(reader: Reader): TickHead {
  let symbol = ''
  let kind = 0
  let sequence = 0n
  let timeNs = 0n
  const values = [0, 0, 0, 0, 0, 0]
  for (;;) {
    const field = reader.nextField()
    if (field === 0) break
    if (field === 1) symbol = reader.text()
    else if (field === 2) kind = reader.number()
    else if (field === 3) sequence = reader.varint()
    else if (field === 4) timeNs = BigInt.asIntN(64, reader.varint())
    else if (field >= 5 && field <= 10) values[field - 5] = reader.double()
    else reader.skip()
  }
  const [bid, bidSize, ask, askSize, last, lastSize] = values.map(value =>
    Number.isFinite(value) ? value : null,
  )
  const head = {
    symbol,
    sequence: sequence > BigInt(Number.MAX_SAFE_INTEGER) ? String(sequence) : Number(sequence),
    time: Number((timeNs - (((timeNs % 1000n) + 1000n) % 1000n)) / 1000n),
  }
  if (kind === KIND_QUOTE) return { ...head, kind: 'quote', bid, bidSize, ask, askSize } as MarketTick
  if (kind === KIND_TRADE) return { ...head, kind: 'trade', last, lastSize } as MarketTick
  throw new TypeError(`a tick has the unknown kind ${kind}`)
}

function readSchemaTick(reader: Reader): EncodedTick {
  let symbol = ''
  let kind = ''
  let message = new Uint8Array()
  for (;;) {
    const field = reader.nextField()
    if (field === 0) return { symbol, kind, message }
    if (field === 1) symbol = reader.text()
    else if (field === 2) kind = reader.text()
    else if (field === 3) message = reader.bytes().slice()
    else reader.skip()
  }
}

/** Reads the fields of one message. Throws if it ends too early. */
class Reader {
  private readonly data: Uint8Array
  private readonly view: DataView
  private at = 0
  private wireType = 0

  constructor(data: Uint8Array) {
    this.data = data
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  }

  /** @returns the number of the next field; 0 at the end */
  nextField(): number {
    if (this.at === this.data.length) return 0
    const tag = this.number()
    this.wireType = tag & 7
    return tag >>> 3
  }

  /** A varint below 2^53. */
  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.view.getUint8(this.at++)
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  /** A varint of 64 bits. */
  varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.view.getUint8(this.at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }

  /** A repeated varint, packed or not. */
  numbers(into: number[]): void {
    if (this.wireType !== 2) {
      into.push(this.number())
      return
    }
    const length = this.number()
    const end = this.at + length
    while (this.at < end) into.push(this.number())
  }

  double(): number {
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  bytes(): Uint8Array {
    const length = this.number()
    if (this.at + length > this.data.length) throw new RangeError('a binary message ends too early')
    this.at += length
    return this.data.subarray(this.at - length, this.at)
  }

  text(): string {
    return TEXT.decode(this.bytes())
  }

  message(): Reader {
    return new Reader(this.bytes())
  }

  skip(): void {
    if (this.wireType === 0) this.number()
    else if (this.wireType === 1) this.at += 8
    else if (this.wireType === 2) this.bytes()
    else if (this.wireType === 5) this.at += 4
    else throw new TypeError(`a binary message has a field of the unknown wire type ${this.wireType}`)
  }
}
