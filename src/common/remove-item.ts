/**
 * Removes an item from a list that holds the item at most once. For lists that are short or seldom changed.
 */
export function removeItem<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index >= 0) list.splice(index, 1)
}
