/**
 * Takes one item out of a list that may hold it once. Pure; for lists that are short or seldom changed.
 */

export function removeItem<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index >= 0) list.splice(index, 1)
}
