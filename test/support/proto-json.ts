/**
 * What clients get of a message, made of what protobufjs decodes: slow, with objects, and so written that it is easily
 * seen to be right. The second opinion on src/ticks/schema.
 */
import protobuf from 'protobufjs'

type Wire = Record<string, unknown>

/** The fields of a message by their JSON names. Fields without presence are always there. */
export function jsonOfMessage(type: protobuf.Type, bytes: Uint8Array): Wire {
  return fieldsOf(type, type.decode(bytes) as unknown as Wire)
}

function fieldsOf(type: protobuf.Type, message: Wire): Wire {
  const json: Wire = {}
  for (const field of type.fieldsArray) {
    const name = field.name.startsWith('.') ? `[${field.name.slice(1)}]` : field.jsonName!
    const isThere = Object.hasOwn(message, field.name) && message[field.name] != null
    const value = message[field.name]
    if (field.map) {
      const entries = Object.entries((value ?? {}) as Wire)
      // protobufjs keeps 64-bit keys as eight characters.
      json[name] = Object.fromEntries(
        entries.map(([key, each]) => [
          keyOf(field as unknown as protobuf.MapField, key),
          jsonOf(field, each),
        ]),
      )
    } else if (field.repeated) json[name] = ((value ?? []) as unknown[]).map(each => jsonOf(field, each))
    else if (isThere) json[name] = jsonOf(field, value)
    else if (!field.hasPresence && !(field.resolvedType instanceof protobuf.Type))
      json[name] = field.type === 'bytes' ? '' : jsonOf(field, field.typeDefault)
  }
  return json
}

function keyOf({ keyType }: protobuf.MapField, key: string): string {
  if (!keyType.endsWith('64')) return key
  const long = protobuf.util.LongBits.fromHash(key).toLong(keyType === 'uint64' || keyType === 'fixed64')
  return String(long)
}

function jsonOf({ resolvedType, type }: protobuf.Field, value: unknown): unknown {
  if (resolvedType instanceof protobuf.Enum) return resolvedType.valuesById[value as number] ?? value
  if (resolvedType instanceof protobuf.Type) return ofMessage(resolvedType, value as Wire)
  if (type === 'float') return floatOf(value as number)
  // JSON.stringify(-0) is 0.
  if (type === 'double') return Number.isFinite(value) ? (value as number) + 0 : null
  if (type === 'bytes') return Buffer.from(value as Uint8Array).toString('base64')
  return type.endsWith('64') ? integerOf(value) : value
}

function ofMessage(type: protobuf.Type, message: Wire): unknown {
  const { fullName } = type
  if (fullName.endsWith('Value') && fullName.startsWith('.google.protobuf.'))
    return fieldsOf(type, message).value
  if (fullName === '.google.protobuf.Timestamp') {
    const text = new Date(Number(message.seconds ?? 0) * 1000).toISOString().replace('+00', '').slice(0, -5)
    return `${text}${fraction(Number(message.nanos ?? 0))}Z`
  }
  if (fullName === '.google.protobuf.Duration') {
    const seconds = Number(message.seconds ?? 0)
    const nanos = Number(message.nanos ?? 0)
    if (seconds * nanos < 0) return null
    const sign = seconds < 0 || nanos < 0 ? '-' : ''
    return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`
  }
  return fieldsOf(type, message)
}

function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.replace(/(000){1,2}$/, '')}`
}

function integerOf(value: unknown): number | string {
  const exact = BigInt(String(value))
  return exact > -(2n ** 53n) && exact < 2n ** 53n ? Number(exact) : String(exact)
}

/** The shortest decimal that is read back as the same float. */
function floatOf(value: number): number | null {
  if (!Number.isFinite(value)) return null
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short + 0
  }
  return Number(value.toPrecision(9))
}
