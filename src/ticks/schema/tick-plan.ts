/**
 * Compiles a schema: the plan of the tick's message, and where its mapped fields are. Any thread; runs when a codec is
 * made. Mapped fields that the head of the JSON shows are left out where they stand.
 */
import { protobuf } from '../../common/protobufjs.js'
import type { TickMapping, TickSchema, TimeUnit } from '../tick-schema.js'
import { ENUM, isInteger, STRING, TIMESTAMP, WELL_KNOWN_FORMS, WRAPPER } from './json-form.js'
import type { MessagePlan } from './message-plan.js'
import { type HiddenFields, jsonNameOf, PlanCompiler } from './plan-compiler.js'
import { type Branch, batchFields, messageOf, refuse, SchemaPaths } from './schema-paths.js'
import { fieldPlans } from './slot-path.js'

/** The longest name of a case or of an enum's value that is a kind. */
export const KIND_NAME_BYTES_MAX = 256

/** A case of a oneof: a kind. */
export interface KindCase {
  /** Of its field, in the frame that has the oneof. */
  readonly slot: number
  readonly name: Uint8Array
}

export type KindPlan =
  | { readonly form: 'none' }
  | { readonly form: 'enum' | 'string'; readonly branches: readonly Branch[] }
  | { readonly form: 'oneof'; readonly above: Branch; readonly cases: readonly KindCase[] }

export interface TickPlan {
  /** The tick's message, as protobufjs describes it. */
  readonly type: protobuf.Type
  readonly message: MessagePlan
  readonly batchPath: readonly number[]
  readonly symbol: readonly Branch[]
  readonly kind: KindPlan
  readonly time: { readonly branches: readonly Branch[]; readonly unit: TimeUnit } | undefined
  readonly sequence: readonly Branch[] | undefined
  readonly position: readonly Branch[] | undefined
}

/** @throws RingcastError `option_invalid` when the schema lacks the message, or a path names no such field */
export function tickPlan(schema: TickSchema): TickPlan {
  const { mapping } = schema
  const streamed = messageOf(schema)
  const batch = mapping.repeated === undefined ? [] : batchFields(streamed, mapping.repeated)
  const type = (batch.at(-1)?.resolvedType ?? streamed) as protobuf.Type
  const paths = new SchemaPaths(type)
  const oneof = mapping.kind === undefined ? undefined : paths.oneofOf(mapping.kind)
  const branchesOf = (name: keyof TickMapping, path: string | undefined) =>
    path === undefined ? undefined : paths.branchesOf(name, path)
  const symbol = paths.branchesOf('symbol', mapping.symbol)
  const kind = oneof === undefined ? branchesOf('kind', mapping.kind) : undefined
  const time = branchesOf('time', mapping.time?.path)
  const sequence = branchesOf('sequence', mapping.sequence)
  const position = branchesOf('position', mapping.position)
  const hidden = hiddenFields([...symbol, ...(kind ?? []), ...(time ?? []), ...(sequence ?? [])])
  const taken = new Set(['symbol', 'kind'])
  if (time !== undefined) taken.add('time')
  if (sequence !== undefined) taken.add('sequence')
  const message = new PlanCompiler().compileTick(type, hidden, taken)

  const formsOf = (branches: readonly Branch[]) =>
    branches.map(branch => fieldPlans(message, branch).at(-1)!.form)
  const check = (name: keyof TickMapping, branches: readonly Branch[] | undefined, ...rule: Rule) => {
    const [holds, text] = rule
    const path = name === 'time' ? mapping.time?.path : mapping[name]
    if (branches !== undefined && !formsOf(branches).every(holds)) refuse(name, String(path), text)
  }
  check('symbol', symbol, form => form === STRING, 'must name a string')
  check('kind', kind, form => form === ENUM || form === STRING, 'must name an enum, a string or a oneof')
  if (kind !== undefined && new Set(formsOf(kind)).size > 1)
    refuse('kind', String(mapping.kind), 'must name an enum in every case, or a string in every case')
  if (kindNames(oneof, kind).some(({ length }) => length > KIND_NAME_BYTES_MAX))
    refuse('kind', String(mapping.kind), `must have names of at most ${KIND_NAME_BYTES_MAX} characters`)
  check('time', time, isTime, 'must name an integer, a string or a google.protobuf.Timestamp')
  check('sequence', sequence, form => isInteger(form) || form === STRING, 'must name an integer or a string')
  check('position', position, isInteger, 'must name an integer')

  return {
    type,
    message,
    batchPath: batch.map(({ id }) => id),
    symbol,
    kind: kindPlan(message, oneof, kind, kind === undefined ? [] : formsOf(kind)),
    time: time === undefined ? undefined : { branches: time, unit: mapping.time!.unit },
    sequence,
    position,
  }
}

type Rule = readonly [holds: (form: number) => boolean, text: string]

function kindNames(
  oneof: ReturnType<SchemaPaths['oneofOf']>,
  branches: readonly Branch[] = [],
): readonly string[] {
  if (oneof !== undefined) return oneof.oneof.fieldsArray.map(jsonNameOf)
  return branches.flatMap(branch => {
    const { resolvedType } = branch.at(-1)!
    return resolvedType instanceof protobuf.Enum ? Object.keys(resolvedType.values) : []
  })
}

function isTime(form: number): boolean {
  return isInteger(form) || form === STRING || form === TIMESTAMP
}

function kindPlan(
  message: MessagePlan,
  oneof: ReturnType<SchemaPaths['oneofOf']>,
  branches: readonly Branch[] | undefined,
  forms: readonly number[],
): KindPlan {
  if (oneof !== undefined) {
    const { above } = oneof
    const plan = above.length === 0 ? message : fieldPlans(message, above).at(-1)!.child!
    const cases = oneof.oneof.fieldsArray.map(field => ({
      slot: plan.fieldOf(field.id)!.slot,
      name: new TextEncoder().encode(jsonNameOf(field)),
    }))
    return { form: 'oneof', above, cases }
  }
  if (branches === undefined) return { form: 'none' }
  return { form: forms[0] === ENUM ? 'enum' : 'string', branches }
}

/** A wrapper is written as its value: where the value is mapped, the whole wrapper is left out. */
function withoutWrapper(branch: Branch): Branch {
  const form = WELL_KNOWN_FORMS.get(branch.at(-2)?.resolvedType?.fullName ?? '')
  return form === WRAPPER ? branch.slice(0, -1) : branch
}

function hiddenFields(branches: readonly Branch[]): HiddenFields {
  const hidden = new Map<protobuf.Field, HiddenFields | 'whole'>()
  for (const branch of branches.map(withoutWrapper)) {
    let level = hidden
    for (const field of branch.slice(0, -1)) {
      const below = level.get(field)
      const next = below instanceof Map ? below : new Map<protobuf.Field, HiddenFields | 'whole'>()
      if (below !== 'whole') level.set(field, next)
      level = next
    }
    level.set(branch.at(-1)!, 'whole')
  }
  return hidden
}
