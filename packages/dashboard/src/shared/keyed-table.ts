/** The rows of a table, by key: a row that stays keeps its elements, so the focus stays, too. */
import { element, setText } from './element.js'

export interface Column<Row, Sort extends string = never> {
  readonly name: string
  readonly isNumber?: boolean
  /** A text, or an element that is made once for each row. */
  readonly text: (row: Row) => string
  readonly className?: (row: Row) => string
  /** Makes what stands in the cell in place of a text. */
  readonly control?: (key: string) => HTMLElement
  /** The order that the head of the column chooses. */
  readonly sort?: Sort
}

export class KeyedTable<Row, Sort extends string = never> {
  private readonly body: HTMLTableSectionElement
  private readonly columns: readonly Column<Row, Sort>[]
  private readonly keyOf: (row: Row) => string
  private readonly heading: HTMLElement
  private readonly heads = new Map<Sort, HTMLTableCellElement>()
  private rows = new Map<string, HTMLTableRowElement>()

  /**
   * @param heading gets the focus when the row that has it goes
   * @param choose is called with the order of a head that was pressed
   */
  constructor(
    table: HTMLTableElement,
    columns: readonly Column<Row, Sort>[],
    keyOf: (row: Row) => string,
    heading: HTMLElement,
    choose?: (sort: Sort) => void,
  ) {
    this.columns = columns
    this.keyOf = keyOf
    this.heading = heading
    const head = element('tr')
    for (const { isNumber, name, sort } of columns) {
      const cell = element('th', sort === undefined ? name : '', isNumber ? 'number' : '')
      cell.scope = 'col'
      if (sort !== undefined) {
        const button = element('button', name)
        button.type = 'button'
        button.addEventListener('click', () => choose?.(sort))
        cell.append(button)
        this.heads.set(sort, cell)
      }
      head.append(cell)
    }
    table.createTHead().append(head)
    this.body = table.createTBody()
  }

  /** Says by which column the rows are sorted: the most comes first. */
  showSort(sort: Sort): void {
    for (const [each, cell] of this.heads) {
      if (each === sort) cell.ariaSort = 'descending'
      else cell.removeAttribute('aria-sort')
    }
  }

  show(rows: readonly Row[]): void {
    const next = new Map<string, HTMLTableRowElement>()
    for (const row of rows) {
      const key = this.keyOf(row)
      const line = this.rows.get(key) ?? this.make(key)
      this.fill(line, row)
      next.set(key, line)
    }
    for (const [key, line] of this.rows)
      if (!next.has(key)) {
        if (line.contains(document.activeElement)) this.heading.focus()
        line.remove()
      }
    this.order([...next.values()])
    this.rows = next
  }

  /** Moves only rows that stand elsewhere, and never the one with the focus: moving it would take the focus away. */
  private order(lines: readonly HTMLTableRowElement[]): void {
    const focused = lines.findIndex(line => line.contains(document.activeElement))
    if (focused >= 0) {
      const pivot = lines[focused]!
      for (const line of lines.slice(0, focused)) this.body.insertBefore(line, pivot)
      for (const line of lines.slice(focused + 1)) this.body.append(line)
      return
    }
    lines.forEach((line, index) => {
      const there = this.body.children[index]
      if (there !== line) this.body.insertBefore(line, there ?? null)
    })
  }

  private make(key: string): HTMLTableRowElement {
    const line = element('tr')
    line.dataset.key = key
    this.columns.forEach(({ control, isNumber }, index) => {
      const cell = element(index === 0 ? 'th' : 'td', '', isNumber ? 'number' : '')
      if (index === 0) (cell as HTMLTableCellElement).scope = 'row'
      if (control !== undefined) cell.append(control(key))
      line.append(cell)
    })
    return line
  }

  private fill(line: HTMLTableRowElement, row: Row): void {
    this.columns.forEach(({ className, control, isNumber, text }, index) => {
      const cell = line.children[index]!
      if (control !== undefined) return
      setText(cell, text(row))
      if (className !== undefined) cell.className = `${isNumber ? 'number ' : ''}${className(row)}`
    })
  }
}
