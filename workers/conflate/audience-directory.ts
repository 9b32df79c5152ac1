/**
 * The open audiences of a lane, their conflation groups, and the symbols that each of them gets. One lane's own.
 * Unfiltered audiences stand at no symbol: the collector gives them each tick.
 */

import { removeItem } from '../../src/common/remove-item.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { EVERY, LaneAudience } from '../collect/lane-audience.js'
import { SymbolTable } from '../read/symbol-table.js'
import { ConflationGroup, READY, wakeWith } from './conflation-group.js'
import { LaneSymbol } from './lane-symbol.js'

const NO_GROUPS: readonly ConflationGroup[] = []

export class AudienceDirectory {
  readonly symbols: SymbolTable<LaneSymbol>
  private readonly codec: TickCodec
  private readonly audiences = new Map<number, LaneAudience>()
  private readonly groups = new Map<LaneAudience, readonly ConflationGroup[]>()
  /** The audiences with prefixes: they get symbols that have not come yet, too. */
  private readonly withPrefixes = new Set<LaneAudience>()

  constructor(codec: TickCodec) {
    this.codec = codec
    this.symbols = new SymbolTable((symbol, bytes, isKept) => this.newSymbol(symbol, bytes, isKept))
  }

  get(id: number): LaneAudience | undefined {
    return this.audiences.get(id)
  }

  /** The groups of an open audience, in the order of its `spec.latest`. */
  groupsOf(audience: LaneAudience): readonly ConflationGroup[] {
    return this.groups.get(audience) ?? NO_GROUPS
  }

  open(state: AudienceState): LaneAudience {
    const audience = new LaneAudience(state)
    this.audiences.set(audience.id, audience)
    const groups = audience.spec.latest.map(
      ({ intervalMs }, index) =>
        new ConflationGroup(audience, index, intervalMs, state.conflated[index] ?? null),
    )
    this.groups.set(audience, groups)
    if (audience.isUnfiltered) return audience
    // The named entries are made first: an entry made after would be attached twice.
    const named = audience.names.map(symbol => this.symbols.named(symbol))
    for (const symbol of audience.hasPrefixes ? this.symbols.all() : named)
      this.attach(symbol, audience, true)
    if (audience.hasPrefixes) this.withPrefixes.add(audience)
    return audience
  }

  close(audience: LaneAudience): void {
    this.audiences.delete(audience.id)
    this.withPrefixes.delete(audience)
    if (!audience.isUnfiltered) {
      for (const symbol of [...this.symbolsOf(audience)]) {
        this.detach(symbol, audience)
        if (symbol.audiences.length === 0 && symbol.groups.length === 0) this.symbols.release(symbol)
      }
    }
    this.groups.delete(audience)
  }

  /** All known symbols that an audience gets, and maybe others. */
  symbolsOf(audience: LaneAudience): Iterable<LaneSymbol> {
    if (audience.hasPrefixes || audience.isUnfiltered) return this.symbols.all()
    return audience.names.map(symbol => this.symbols.named(symbol))
  }

  private newSymbol(name: string, bytes: Uint8Array, isKept: boolean): LaneSymbol {
    const symbol = new LaneSymbol(name, bytes, this.codec)
    for (const audience of this.withPrefixes) this.attach(symbol, audience, isKept)
    return symbol
  }

  /** @param isKept whether the table holds the symbol; otherwise it serves one tick */
  private attach(symbol: LaneSymbol, audience: LaneAudience, isKept: boolean): void {
    const delivery = audience.deliveryOf(symbol.symbol)
    if (delivery === undefined) return
    if (delivery === EVERY) {
      symbol.audiences.push(audience)
      return
    }
    const group = this.groupsOf(audience)[delivery]!
    if (isKept) group.symbols.push(symbol)
    symbol.groups.push(group)
    if (group.intervalMs === 0) symbol.immediate.push(group)
    else if (group.state === READY) wakeWith(symbol, group)
  }

  private detach(symbol: LaneSymbol, audience: LaneAudience): void {
    const delivery = audience.deliveryOf(symbol.symbol)
    if (delivery === undefined) return
    if (delivery === EVERY) {
      removeItem(symbol.audiences, audience)
      return
    }
    const group = this.groupsOf(audience)[delivery]
    if (group === undefined) return
    removeItem(symbol.groups, group)
    removeItem(symbol.immediate, group)
    symbol.ready?.delete(group)
  }
}
