/** Numbers as people read them. */

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** 12,345 · 1.23 M */
export function count(value: number): string {
  if (value >= 1e9) return `${short.format(value / 1e9)} G`
  if (value >= 1e6) return `${short.format(value / 1e6)} M`
  return value < 10 && !Number.isInteger(value) ? short.format(value) : plain.format(value)
}

export function bytes(value: number): string {
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${short.format(value)} ${UNITS[unit]}`
}

export function duration(ms: number): string {
  if (ms === 0) return '0 ms'
  if (ms < 1) return `${short.format(ms * 1000)} µs`
  if (ms < 1000) return `${short.format(ms)} ms`
  if (ms < 60_000) return `${short.format(ms / 1000)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`
  return `${Math.floor(ms / 86_400_000)} d ${Math.floor((ms % 86_400_000) / 3_600_000)} h`
}

export function percent(share: number): string {
  return `${share < 0.1 && share > 0 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`
}

/** Of the day, in the time of the browser. */
export function time(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB')
}
