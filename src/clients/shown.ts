/**
 * How a value that a client sent stands in a message to it. Pure.
 */
const SHOWN_LENGTH_MAX = 60

/** Short, whatever it is. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'none' : JSON.stringify(value)
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text
}
