/**
 * The common parts of the command lines of benchmarks. Each throws an Error whose message names the allowed arguments.
 */

export function checkNames(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0)
    throw new Error(`unknown ${what}: ${unknown.join(', ')}; there are ${known.join(', ')}`)
}

export function positive(name: string, text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`${name} must be a number above 0, got ${text}`)
  return value
}

export function whole(name: string, text: string | undefined, usual: number): number {
  const value = positive(name, text, usual)
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number, got ${text}`)
  return value
}
