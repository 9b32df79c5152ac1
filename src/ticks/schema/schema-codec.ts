/** The codec of a user's schema, made from its descriptors. Any thread; each lane has one of its own. */
import { type PositionReader, TICK_BYTES_DEFAULT, type TickCodec, type TickReader } from '../tick-codec.js'
import type { TickSchema } from '../tick-schema.js'
import { KindNumbers } from './kind-numbers.js'
import { PushedMessage } from './pushed-message.js'
import { type SchemaLimits, schemaLimits } from './schema-limits.js'
import { SchemaPositionReader } from './schema-position-reader.js'
import { SchemaTickReader } from './schema-tick-reader.js'
import { type TickPlan, tickPlan } from './tick-plan.js'

/** @throws RingcastError `option_invalid` when the schema lacks its message, or a path of its mapping names no such field */
export function schemaCodec(schema: TickSchema, tickBytesMax: number = TICK_BYTES_DEFAULT): TickCodec {
  const plan = tickPlan(schema)
  return new SchemaCodec(plan, schemaLimits(plan, tickBytesMax))
}

class SchemaCodec implements TickCodec {
  readonly kindCount = 0
  readonly binaryNeedsDecode = true
  readonly tickBytesMax: number
  readonly jsonBytesMax: number
  readonly binaryBytesMax: number
  readonly batchPath: readonly number[]
  readonly firstPositionField = 0
  private readonly plan: TickPlan
  private readonly limits: SchemaLimits
  private readonly numbers = new KindNumbers()
  private readonly pushed: PushedMessage

  constructor(plan: TickPlan, limits: SchemaLimits) {
    this.plan = plan
    this.limits = limits
    this.tickBytesMax = limits.tickBytesMax
    this.jsonBytesMax = limits.jsonBytesMax
    this.binaryBytesMax = limits.binaryBytesMax
    this.batchPath = plan.batchPath
    this.pushed = new PushedMessage(plan.type, bytes => this.createReader(bytes), limits.tickBytesMax)
  }

  createPositionReader(): PositionReader | undefined {
    const { limits, plan } = this
    return plan.position === undefined ? undefined : new SchemaPositionReader(plan, plan.position, limits)
  }

  createReader(bytes: Uint8Array): TickReader {
    return new SchemaTickReader(bytes, this.plan, this.limits, this.numbers)
  }

  jsonPrefixes(symbol: string): readonly Uint8Array[] {
    return [new TextEncoder().encode(`{"symbol":${JSON.stringify(symbol)},"kind":`)]
  }

  encodePushed(tick: unknown): Uint8Array {
    return this.pushed.encode(tick)
  }
}
