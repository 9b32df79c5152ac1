/**
 * The schema of the ticks in a stream, as the active relay keeps it in the bucket for gateways. Main thread.
 * Each message names the hash of its schema, so no gateway reads ticks with another one.
 */
import { createHash } from 'node:crypto'
import type { TickSchema } from '../../ticks/tick-schema.js'
import type { KV } from './nats-js.js'

export interface SchemaRecord {
  /** undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
  /** See `schemaHash`. */
  readonly hash: string | undefined
}

const KEY = 'schema'
const HASH_DIGITS = 16

/** The same for equal schemas, whatever the order of their keys. @returns undefined for quotes and trades */
export function schemaHash(schema: TickSchema | undefined): string | undefined {
  if (schema === undefined) return undefined
  return createHash('sha256').update(textOf(schema)).digest('hex').slice(0, HASH_DIGITS)
}

export async function writeSchema(bucket: KV, schema: TickSchema | undefined): Promise<void> {
  const text = schema === undefined ? 'null' : textOf(schema)
  const entry = await bucket.get(KEY)
  if (entry?.operation === 'PUT' && entry.string() === text) return
  await bucket.put(KEY, text)
}

/** @returns undefined when no relay has written one yet */
export async function readSchema(bucket: KV): Promise<SchemaRecord | undefined> {
  const entry = await bucket.get(KEY)
  if (entry?.operation !== 'PUT') return undefined
  const schema = entry.json<TickSchema | null>() ?? undefined
  return { schema, hash: schemaHash(schema) }
}

/** JSON with its keys in order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
