/** Finds and makes elements. */

/** @throws when the page has no such element: it and its script do not belong together */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element ${id}`)
  return found as Type
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  text = '',
  className = '',
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  if (text !== '') made.textContent = text
  if (className !== '') made.className = className
  return made
}

/** Writes only what has changed, so that selections and screen readers are left alone. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
