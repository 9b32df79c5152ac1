/**
 * Bounds the memory of lanes for the symbols that the prefixes of audiences match. Main thread.
 */
export interface SymbolBudget {
  /** How many symbols an audience matches. @param before 0: the audience is new @param now 0: it has closed */
  symbolsMatched(before: number, now: number): void
}

export const NO_SYMBOL_BUDGET: SymbolBudget = { symbolsMatched: () => {} }
