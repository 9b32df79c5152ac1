/** The choice between light, dark, and what the system says. It is kept for the next visit. */

const KEY = 'ringcast-theme'

/** @param changed called when colours may have changed */
export function followTheme(select: HTMLSelectElement, changed: () => void = () => {}): void {
  const use = (theme: string): void => {
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
    else delete document.documentElement.dataset.theme
    changed()
  }
  select.value = kept()
  use(select.value)
  select.addEventListener('change', () => {
    use(select.value)
    // A browser may forbid it.
    try {
      localStorage.setItem(KEY, select.value)
    } catch {}
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed)
}

function kept(): string {
  try {
    const theme = localStorage.getItem(KEY)
    return theme === 'light' || theme === 'dark' ? theme : 'system'
  } catch {
    return 'system'
  }
}
