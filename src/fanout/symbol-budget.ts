/**
 * Bounds the memory of lanes for audiences: the symbols that their prefixes match, and entries that are not the client's
 * own. Main thread.
 */
export interface SymbolBudget {
  /** How many symbols an audience matches. @param before 0: the audience is new @param now 0: it has closed */
  symbolsMatched(before: number, now: number): void
  /**
   * An audience opens for the client. Entries beyond those of the client come from its entitlement, and are charged
   * once for all members.
   *
   * @returns how many were charged: give them to `audienceClosed`
   */
  audienceOpened(entries: number): number
  audienceClosed(charged: number): void
}

export const NO_SYMBOL_BUDGET: SymbolBudget = {
  symbolsMatched: () => {},
  audienceOpened: () => 0,
  audienceClosed: () => {},
}
