/**
 * The open audiences of a lane, their conflation groups, and the symbols that each of them gets. One lane's own.
 * Unfiltered audiences stand at no symbol: the collector gives them each tick.
 */

import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { type Delivery, EVERY, LaneAudience } from '../collect/lane-audience.js'
import { SymbolTable } from '../read/symbol-table.js'
import { ConflationGroup, READY, wakeWith } from './conflation-group.js'
import { EntryIndex, removeUnordered } from './entry-index.js'
import { LaneSymbol } from './lane-symbol.js'

/** The symbols at which an audience stands, and how it gets each. Both lists are in the same order. */
interface Attachments {
  readonly groups: readonly ConflationGroup[]
  readonly symbols: LaneSymbol[]
  readonly deliveries: Delivery[]
}

const NO_GROUPS: readonly ConflationGroup[] = []

export class AudienceDirectory {
  readonly symbols: SymbolTable<LaneSymbol>
  private readonly codec: TickCodec
  private readonly audiences = new Map<number, LaneAudience>()
  private readonly attachments = new Map<LaneAudience, Attachments>()
  /** The entries of audiences by which they get symbols that come first later. */
  private readonly index = new EntryIndex()

  constructor(codec: TickCodec) {
    this.codec = codec
    this.symbols = new SymbolTable((symbol, bytes, isKept) => this.newSymbol(symbol, bytes, isKept))
  }

  get(id: number): LaneAudience | undefined {
    return this.audiences.get(id)
  }

  /** The groups of an open audience, in the order of its `spec.latest`. */
  groupsOf(audience: LaneAudience): readonly ConflationGroup[] {
    return this.attachments.get(audience)?.groups ?? NO_GROUPS
  }

  open(state: AudienceState): LaneAudience {
    const audience = new LaneAudience(state)
    this.audiences.set(audience.id, audience)
    const groups = audience.spec.latest.map(
      ({ intervalMs }, index) =>
        new ConflationGroup(audience, index, intervalMs, state.conflated[index] ?? null),
    )
    this.attachments.set(audience, { groups, symbols: [], deliveries: [] })
    if (!audience.isUnfiltered) this.attachAll(audience)
    return audience
  }

  close(audience: LaneAudience): void {
    const attachments = this.attachments.get(audience)
    if (attachments === undefined) return
    this.audiences.delete(audience.id)
    this.attachments.delete(audience)
    for (const name of audience.names.keys()) this.index.removeName(name, audience)
    for (const [prefix] of audience.prefixes()) this.index.removePrefix(prefix, audience)
    const { deliveries, groups, symbols } = attachments
    for (let index = 0; index < symbols.length; index++)
      detach(symbols[index]!, audience, groups, deliveries[index]!)
  }

  /** All known symbols that an audience gets. */
  symbolsOf(audience: LaneAudience): Iterable<LaneSymbol> {
    return audience.isUnfiltered ? this.symbols.all() : this.attachments.get(audience)!.symbols
  }

  /** Attaches the known symbols of an audience. The cost is that of its entries, and of the symbols that its prefixes match. */
  private attachAll(audience: LaneAudience): void {
    const { index, symbols } = this
    for (const [name, delivery] of audience.names) {
      const symbol = symbols.get(name)
      if (symbol === undefined) index.addName(name, audience)
      else this.attach(symbol, audience, delivery)
    }
    const prefixes = audience.prefixes()
    if (prefixes.length === 0) return
    const attached = new Set(this.attachments.get(audience)!.symbols)
    // The longest prefix comes first, so each symbol is attached by its longest entry.
    for (const [prefix, delivery] of prefixes) {
      index.addPrefix(prefix, audience)
      for (const symbol of symbols.withPrefix(prefix)) {
        if (attached.has(symbol)) continue
        attached.add(symbol)
        this.attach(symbol, audience, delivery)
      }
    }
  }

  private newSymbol(name: string, bytes: Uint8Array, isKept: boolean): LaneSymbol {
    const symbol = new LaneSymbol(name, bytes, isKept, this.codec)
    for (const audience of this.index.audiencesOf(name))
      this.attach(symbol, audience, audience.deliveryOf(name)!)
    if (isKept) this.index.forgetName(name)
    return symbol
  }

  private attach(symbol: LaneSymbol, audience: LaneAudience, delivery: Delivery): void {
    const { deliveries, groups, symbols } = this.attachments.get(audience)!
    if (symbol.isKept) {
      symbols.push(symbol)
      deliveries.push(delivery)
    }
    if (delivery === EVERY) {
      symbol.audiences.push(audience)
      return
    }
    const group = groups[delivery]!
    if (symbol.isKept) group.symbols.push(symbol)
    symbol.groups.push(group)
    if (group.intervalMs === 0) symbol.immediate.push(group)
    else if (group.state === READY) wakeWith(symbol, group)
  }
}

function detach(
  symbol: LaneSymbol,
  audience: LaneAudience,
  groups: readonly ConflationGroup[],
  delivery: Delivery,
): void {
  if (delivery === EVERY) {
    removeUnordered(symbol.audiences, audience)
    return
  }
  const group = groups[delivery]!
  removeUnordered(symbol.groups, group)
  if (group.intervalMs === 0) removeUnordered(symbol.immediate, group)
  symbol.ready?.delete(group)
}
