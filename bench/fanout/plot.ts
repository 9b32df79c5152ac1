/**
 * Charts as one SVG file: bars and lines, both on logarithmic axes, because servers differ by factors.
 */

export interface Bar {
  readonly label: string
  readonly value: number
  readonly least: number
  readonly most: number
}

export interface BarChart {
  readonly kind: 'bars'
  readonly title: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

export interface Line {
  readonly label: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface LineChart {
  readonly kind: 'lines'
  readonly title: string
  readonly xTitle: string
  readonly yTitle: string
  readonly lines: readonly Line[]
}

export type Chart = BarChart | LineChart

const WIDTH = 640
const MARGIN = 24
const LEFT = 110
const RIGHT = 130
const BAR_HEIGHT = 22
const TITLE_HEIGHT = 34
const LINES_HEIGHT = 260
const AXIS_HEIGHT = 44
const COLORS = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b', '#e377c2', '#7f7f7f']
const OURS = '#0b6e4f'
const THEIRS = '#8fa3ad'

export function svgText(charts: readonly Chart[]): string {
  const parts: string[] = []
  let top = MARGIN
  for (const chart of charts) {
    const [text, height] = chart.kind === 'bars' ? bars(chart, top) : lines(chart, top)
    parts.push(text)
    top += height + MARGIN
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<title>${escaped(charts.map(({ title }) => title).join('; '))}</title>`,
    `<rect width="${WIDTH}" height="${top}" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function bars({ title, unit, bars: all }: BarChart, top: number): [string, number] {
  const shown = all.filter(({ value }) => value > 0 && Number.isFinite(value))
  const scale = logScale(
    shown.flatMap(({ least, most }) => [least, most]),
    LEFT,
    WIDTH - RIGHT,
  )
  const parts = [text(MARGIN, top + 16, `${title}, ${unit}`, 'font-weight="bold"')]
  shown.forEach(({ label, value, least, most }, index) => {
    const y = top + TITLE_HEIGHT + index * BAR_HEIGHT
    const middle = y + BAR_HEIGHT / 2
    parts.push(
      text(LEFT - 8, middle + 4, label, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 3}" width="${fixed(scale(value) - LEFT)}" height="${BAR_HEIGHT - 6}" fill="${index === 0 ? OURS : THEIRS}"/>`,
      line(scale(least), middle, scale(most), middle, '#222'),
      text(scale(most) + 8, middle + 4, number(value)),
    )
  })
  return [parts.join('\n'), TITLE_HEIGHT + shown.length * BAR_HEIGHT]
}

function lines({ title, xTitle, yTitle, lines: all }: LineChart, top: number): [string, number] {
  const points = all.flatMap(its => its.points)
  const bottom = top + TITLE_HEIGHT + LINES_HEIGHT
  const x = logScale(
    points.map(point => point[0]),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = logScale(
    points.map(point => point[1]),
    bottom,
    top + TITLE_HEIGHT,
  )
  const parts = [text(MARGIN, top + 16, title, 'font-weight="bold"')]
  for (const mark of x.marks) {
    parts.push(
      line(x(mark), top + TITLE_HEIGHT, x(mark), bottom, '#ddd'),
      text(x(mark), bottom + 16, number(mark), 'text-anchor="middle"'),
    )
  }
  for (const mark of y.marks) {
    parts.push(
      line(LEFT, y(mark), WIDTH - RIGHT, y(mark), '#ddd'),
      text(LEFT - 8, y(mark) + 4, number(mark), 'text-anchor="end"'),
    )
  }
  parts.push(
    text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, xTitle, 'text-anchor="middle"'),
    text(MARGIN, top + TITLE_HEIGHT - 4, yTitle),
  )
  all.forEach((its, index) => {
    const color = COLORS[index % COLORS.length]!
    const path = its.points.map(point => `${fixed(x(point[0]))},${fixed(y(point[1]))}`).join(' ')
    parts.push(`<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`)
    for (const point of its.points) {
      parts.push(`<circle cx="${fixed(x(point[0]))}" cy="${fixed(y(point[1]))}" r="3" fill="${color}"/>`)
    }
    parts.push(text(WIDTH - RIGHT + 10, top + TITLE_HEIGHT + 16 * (index + 1), its.label, `fill="${color}"`))
  })
  return [parts.join('\n'), TITLE_HEIGHT + LINES_HEIGHT + AXIS_HEIGHT]
}

interface Scale {
  (value: number): number
  readonly marks: readonly number[]
}

/** From the power of ten below all values to the power of ten above them. */
function logScale(values: readonly number[], from: number, to: number): Scale {
  const exponents = values.filter(value => value > 0 && Number.isFinite(value)).map(Math.log10)
  const low = Math.floor(Math.min(...exponents, 1e9) - 1e-9)
  const high = Math.ceil(Math.max(...exponents, -1e9) + 1e-9)
  const scale = (value: number): number => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
  const marks = Array.from({ length: Math.max(0, high - low + 1) }, (_, index) => 10 ** (low + index))
  return Object.assign(scale, { marks })
}

function line(x1: number, y1: number, x2: number, y2: number, color: string): string {
  return `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${color}"/>`
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function fixed(value: number): string {
  return value.toFixed(1)
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}
