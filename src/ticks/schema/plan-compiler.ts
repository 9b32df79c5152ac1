/**
 * Compiles the plans of messages from their descriptors. Any thread; runs when a codec is made.
 */
import { protobuf } from '../../common/protobufjs.js'
import { FieldPlan, type FieldShape, MessagePlan } from './message-plan.js'

/** The fields that are left out where they stand, since the head of the tick's JSON shows them. */
export type HiddenFields = ReadonlyMap<protobuf.Field, HiddenFields | 'whole'>

/** The types of protobufjs leave out that a map's field is a field. */
type MapField = protobuf.Field & Pick<protobuf.MapField, 'keyType'>

export class PlanCompiler {
  /** Plans without hidden fields. A message may hold messages of its own type. */
  private readonly whole = new Map<protobuf.Type, MessagePlan>()

  /** The plan of a message, and those of all messages in it. */
  compile(type: protobuf.Type): MessagePlan {
    const known = this.whole.get(type)
    if (known !== undefined) return known
    return this.planOf(type, undefined, new Set(), plan => this.whole.set(type, plan))
  }

  /** @param taken names of the head: a field with such a name is written with `_` behind it */
  compileTick(type: protobuf.Type, hidden: HiddenFields, taken: ReadonlySet<string>): MessagePlan {
    return this.planOf(type, hidden, taken, () => {})
  }

  private planOf(
    type: protobuf.Type,
    hidden: HiddenFields | undefined,
    taken: ReadonlySet<string>,
    created: (plan: MessagePlan) => void,
  ): MessagePlan {
    const names = new Set([...taken, ...type.fieldsArray.map(jsonNameOf)])
    const fields = new Map(
      type.fieldsArray.map((field, index) => {
        const name = jsonNameOf(field)
        return [field, new FieldPlan(shapeOf(field, taken.has(name) ? freeName(name, names) : name), index)]
      }),
    )
    const shown = [...fields].filter(([field]) => hidden?.get(field) !== 'whole').map(([, plan]) => plan)
    const plan = new MessagePlan([...fields.values()], shown)
    created(plan)
    for (const [field, fieldPlan] of fields) {
      fieldPlan.child = this.childOf(field, hidden?.get(field))
      const others = field.partOf?.fieldsArray.filter(other => other !== field) ?? []
      if (others.length > 0) fieldPlan.oneofSlots = others.map(other => fields.get(other)!.slot)
      else if (fieldPlan.child === undefined && !fieldPlan.isList) plan.addPlain(fieldPlan)
    }
    return plan
  }

  private childOf(
    field: protobuf.Field,
    hidden: HiddenFields | 'whole' | undefined,
  ): MessagePlan | undefined {
    if (field.map) return this.entryPlan(field as MapField)
    const { resolvedType } = field
    if (!(resolvedType instanceof protobuf.Type)) return undefined
    if (hidden === undefined || hidden === 'whole') return this.compile(resolvedType)
    return this.planOf(resolvedType, hidden, new Set(), () => {})
  }

  private entryPlan(field: MapField): MessagePlan {
    const keyShape = { ...SINGULAR, type: field.keyType, kind: 'scalar', enumTexts: undefined } as const
    const key = new FieldPlan({ ...keyShape, number: 1 }, 0)
    const value = new FieldPlan({ ...shapeOf(field, ''), ...SINGULAR, number: 2 }, 1)
    if (field.resolvedType instanceof protobuf.Type) value.child = this.compile(field.resolvedType)
    return new MessagePlan([key, value], [key, value])
  }
}

const SINGULAR = {
  jsonName: '',
  isMap: false,
  isRepeated: false,
  isGroup: false,
  hasPresence: false,
} as const

function shapeOf(field: protobuf.Field, jsonName: string): FieldShape {
  const { id, map, repeated, resolvedType } = field
  const isMessage = resolvedType instanceof protobuf.Type
  return {
    number: id,
    jsonName,
    type: resolvedType?.fullName ?? field.type,
    kind: isMessage ? 'message' : resolvedType === null ? 'scalar' : 'enum',
    enumTexts: resolvedType instanceof protobuf.Enum ? enumTexts(resolvedType) : undefined,
    isMap: map,
    isRepeated: repeated,
    isGroup: isMessage && field.delimited,
    hasPresence: Boolean(field.hasPresence),
  }
}

/** An extension has the name `[acme.md.venue]` in the JSON mapping. protobufjs calls it `.acme.md.venue`. */
export function jsonNameOf({ jsonName, name }: protobuf.Field): string {
  return name.startsWith('.') ? `[${name.slice(1)}]` : (jsonName ?? name)
}

function freeName(name: string, names: ReadonlySet<string>): string {
  let free = `${name}_`
  while (names.has(free)) free += '_'
  return free
}

function enumTexts({ fullName, values }: protobuf.Enum): ReadonlyMap<number, string> {
  if (fullName === '.google.protobuf.NullValue') return new Map([[0, 'null']])
  const texts = new Map<number, string>()
  // Of several names for one number, the first one counts.
  for (const [name, number] of Object.entries(values))
    if (!texts.has(number)) texts.set(number, JSON.stringify(name))
  return texts
}
