/** Writes numbers in few characters for people. Any thread. Pure. */

const STEPS = ['', 'k', 'M', 'G', 'T'] as const

/** `1234567` is `1.23M`. */
export function shortNumber(value: number): string {
  let step = 0
  let rest = value
  while (Math.abs(rest) >= 999.5 && step < STEPS.length - 1) {
    rest /= 1000
    step++
  }
  if (step === 0) return Number.isInteger(rest) ? String(rest) : rest.toFixed(rest < 10 ? 1 : 0)
  return `${rest.toFixed(rest < 10 ? 2 : rest < 100 ? 1 : 0)}${STEPS[step]}`
}

/** `1234567` bytes are `1.23 MB`. */
export function shortBytes(bytes: number): string {
  const text = shortNumber(bytes)
  const unit = /[a-zA-Z]$/.exec(text)?.[0] ?? ''
  return `${text.slice(0, text.length - unit.length)} ${unit}B`
}

/** `1234` µs are `1.23 ms`. */
export function shortDuration(us: number): string {
  if (us < 999.5) return `${Math.round(us)} µs`
  const [value, unit] = us < 999_500 ? [us / 1000, 'ms'] : [us / 1_000_000, 's']
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`
}
