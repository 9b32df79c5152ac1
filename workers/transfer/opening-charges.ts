/**
 * The work for which clients are to be charged because audiences were opened for them: symbols that the lane looked at.
 * One lane's own. The next reply to the client takes the charge, also if the client does not join that audience.
 */

/** With more clients, the oldest charge is dropped: a client that leaves before its reply would otherwise stay here. */
const CLIENTS_MAX = 4096

export class OpeningCharges {
  private readonly byClient = new Map<number, number>()

  /** @param symbols that the lane looked at beyond those that the client has named */
  add(client: number, symbols: number): void {
    const { byClient } = this
    if (symbols <= 0) return
    byClient.set(client, (byClient.get(client) ?? 0) + symbols)
    if (byClient.size > CLIENTS_MAX) byClient.delete(byClient.keys().next().value!)
  }

  /** @returns the symbols, once */
  take(client: number): number {
    const symbols = this.byClient.get(client) ?? 0
    this.byClient.delete(client)
    return symbols
  }
}
