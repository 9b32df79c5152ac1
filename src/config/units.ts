/**
 * Writes values as the text of a variable or a flag, and reads such text. Any thread. Pure.
 * `read(write(value))` is the value. A text that is no such value stays text, and the check of the setting refuses it.
 */

export interface TextForm {
  /** Stands for the value in --help; undefined: a switch, which needs no value. */
  readonly placeholder: string | undefined
  read(text: string): unknown
  write(value: unknown): string
}

const BYTE_UNITS = { b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 } as const

export const KiB = BYTE_UNITS.kib
export const MiB = BYTE_UNITS.mib
export const GiB = BYTE_UNITS.gib

/** `67108864` is written `64MiB`: in the largest unit of which it is a whole number. */
function writeBytes(value: unknown): string {
  const bytes = Number(value)
  if (bytes > 0 && bytes % GiB === 0) return `${bytes / GiB}GiB`
  if (bytes > 0 && bytes % MiB === 0) return `${bytes / MiB}MiB`
  if (bytes > 0 && bytes % KiB === 0) return `${bytes / KiB}KiB`
  return String(bytes)
}

function readBytes(text: string): unknown {
  const match = /^(\d+) ?(b|kib|mib|gib)?$/i.exec(text)
  if (match === null) return text
  const unit = (match[2] ?? 'b').toLowerCase() as keyof typeof BYTE_UNITS
  return Number(match[1]) * BYTE_UNITS[unit]
}

function readBoolean(text: string): unknown {
  if (/^(true|1)$/i.test(text)) return true
  if (/^(false|0)$/i.test(text)) return false
  return text
}

const readWhole = (text: string): unknown => (/^[+-]?\d+$/.test(text) ? Number(text) : text)

const readDecimal = (text: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text)

export const wholeText: TextForm = { placeholder: 'number', read: readWhole, write: String }

/** A whole number, or `auto` for one that depends on the machine. */
export const wholeOrAutoText: TextForm = { placeholder: 'number|auto', read: readWhole, write: String }

export const millisecondsText: TextForm = { placeholder: 'ms', read: readWhole, write: String }

export const secondsText: TextForm = { placeholder: 's', read: readWhole, write: String }

export const decimalText: TextForm = { placeholder: 'number', read: readDecimal, write: String }

export const bytesText: TextForm = { placeholder: 'bytes', read: readBytes, write: writeBytes }

export const booleanText: TextForm = { placeholder: undefined, read: readBoolean, write: String }

export const listText: TextForm = {
  placeholder: 'name,…',
  // Not `trim`, which also removes a byte-order mark: that one is part of a symbol's name.
  read: text => text.split(',').map(item => item.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')),
  write: value => (Array.isArray(value) ? value.join(',') : String(value)),
}

export function plainText(placeholder: string): TextForm {
  return { placeholder, read: text => text, write: String }
}
