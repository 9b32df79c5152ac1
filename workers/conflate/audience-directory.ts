/**
 * The open audiences of a lane, their conflation groups, and the symbols that each of them gets. One lane's own.
 * Unfiltered audiences are attached to no symbol: the collector gives them each tick.
 * A symbol is kept if it is one of the first 65,536 of the lane.
 */

import { type EntryChange, entriesOf } from '../../src/lane-protocol/audience-spec.js'
import type { AudienceState, GroupProgress } from '../../src/lane-protocol/lane-task.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { type Delivery, DeliveryMap, EVERY } from '../collect/delivery-map.js'
import { type AudienceStart, LaneAudience } from '../collect/lane-audience.js'
import { SymbolTable } from '../read/symbol-table.js'
import { ConflationGroup, READY, wakeWith } from './conflation-group.js'
import { EntryIndex, removeUnordered } from './entry-index.js'
import { LaneSymbol } from './lane-symbol.js'

/** What an audience is attached to. */
interface Attachments {
  readonly groups: readonly ConflationGroup[]
  /** The kept symbols that the audience gets, and how. */
  readonly symbols: Map<LaneSymbol, Delivery>
}

const NO_GROUPS: readonly ConflationGroup[] = []

export class AudienceDirectory {
  readonly symbols: SymbolTable<LaneSymbol>
  private readonly codec: TickCodec
  private readonly audiences = new Map<number, LaneAudience>()
  private readonly attachments = new Map<LaneAudience, Attachments>()
  /** The entries of audiences that wait for symbols not seen yet. */
  private readonly index = new EntryIndex()

  constructor(codec: TickCodec) {
    this.codec = codec
    this.symbols = new SymbolTable((symbol, bytes, isKept) => this.newSymbol(symbol, bytes, isKept))
  }

  get(id: number): LaneAudience | undefined {
    return this.audiences.get(id)
  }

  /** The groups of an open audience, in the order of their intervals. */
  groupsOf(audience: LaneAudience): readonly ConflationGroup[] {
    return this.attachments.get(audience)?.groups ?? NO_GROUPS
  }

  /** Opens an audience with entries of its own. */
  open(state: AudienceState): LaneAudience {
    const audience = this.add(state, DeliveryMap.of(entriesOf(state.spec)), state.conflated)
    if (!audience.isUnfiltered) this.attachAll(audience)
    return audience
  }

  /** Opens an audience whose entries are those of an open audience, with a change. */
  derive(start: AudienceStart, base: LaneAudience, change: EntryChange): LaneAudience {
    const audience = this.add(start, base.deliveries.changedBy(change), [])
    if (audience.isUnfiltered) return audience
    if (base.isUnfiltered) this.attachAll(audience)
    else this.attachLike(base, audience, change)
    return audience
  }

  close(audience: LaneAudience): void {
    const attachments = this.attachments.get(audience)
    if (attachments === undefined) return
    this.audiences.delete(audience.id)
    this.attachments.delete(audience)
    if (audience.isUnfiltered) return
    for (const name of audience.deliveries.names.keys()) this.index.removeName(name, audience)
    for (const [prefix] of audience.deliveries.prefixes.entries()) this.index.removePrefix(prefix, audience)
    for (const [symbol, delivery] of attachments.symbols)
      detach(symbol, audience, attachments.groups, delivery)
  }

  /** What opening or closing an audience costs: its entries, and the known symbols that it gets. */
  workOf(audience: LaneAudience): number {
    const { names, prefixes } = audience.deliveries
    return names.size + prefixes.size + this.attachments.get(audience)!.symbols.size
  }

  /** All known symbols that an audience gets. */
  symbolsOf(audience: LaneAudience): Iterable<LaneSymbol> {
    return audience.isUnfiltered ? this.symbols.all() : this.attachments.get(audience)!.symbols.keys()
  }

  private add(
    start: AudienceStart,
    deliveries: DeliveryMap,
    conflated: readonly (GroupProgress | null)[],
  ): LaneAudience {
    const audience = new LaneAudience(start, deliveries)
    this.audiences.set(audience.id, audience)
    const groups = deliveries.intervals.map(
      (intervalMs, index) => new ConflationGroup(audience, index, intervalMs, conflated[index] ?? null),
    )
    this.attachments.set(audience, { groups, symbols: new Map() })
    return audience
  }

  /** Attaches the known symbols of an audience. The work: its entries, and the symbols that its prefixes match. */
  private attachAll(audience: LaneAudience): void {
    const { names, prefixes } = audience.deliveries
    for (const [name, delivery] of names) this.attachName(name, audience, delivery)
    const attached = this.attachments.get(audience)!.symbols
    // The longest prefix comes first, so each symbol is attached by its longest entry.
    const byLength = [...prefixes.entries()].sort(([one], [other]) => other.length - one.length)
    for (const [prefix, delivery] of byLength) {
      this.index.addPrefix(prefix, audience)
      for (const symbol of this.symbols.withPrefix(prefix))
        if (!attached.has(symbol)) this.attach(symbol, audience, delivery)
    }
  }

  /** Attaches the known symbols of an audience that differs from another one by a change. */
  private attachLike(base: LaneAudience, audience: LaneAudience, { added, removed }: EntryChange): void {
    const { index, symbols } = this
    const { deliveries } = audience
    for (const name of deliveries.names.keys())
      if (symbols.get(name) === undefined) index.addName(name, audience)
    for (const [prefix] of deliveries.prefixes.entries()) index.addPrefix(prefix, audience)
    const changed = new Set<LaneSymbol>()
    for (const entry of [...removed, ...added.map(([entry]) => entry)])
      for (const symbol of symbols.matching(entry)) changed.add(symbol)
    for (const [symbol, delivery] of this.attachments.get(base)!.symbols)
      if (!changed.has(symbol)) this.attach(symbol, audience, delivery)
    for (const symbol of changed) {
      const delivery = deliveries.ofSymbol(symbol.symbol)
      if (delivery !== undefined) this.attach(symbol, audience, delivery)
    }
  }

  private attachName(name: string, audience: LaneAudience, delivery: Delivery): void {
    const symbol = this.symbols.get(name)
    if (symbol === undefined) this.index.addName(name, audience)
    else this.attach(symbol, audience, delivery)
  }

  private newSymbol(name: string, bytes: Uint8Array, isKept: boolean): LaneSymbol {
    const symbol = new LaneSymbol(name, bytes, isKept, this.codec)
    for (const audience of this.index.audiencesOf(name))
      this.attach(symbol, audience, audience.deliveryOf(name)!)
    if (isKept) this.index.forgetName(name)
    return symbol
  }

  private attach(symbol: LaneSymbol, audience: LaneAudience, delivery: Delivery): void {
    const { groups, symbols } = this.attachments.get(audience)!
    if (symbol.isKept) symbols.set(symbol, delivery)
    if (delivery === EVERY) {
      symbol.audiences.push(audience)
      return
    }
    const group = groupOf(groups, delivery)
    if (symbol.isKept) group.symbols.push(symbol)
    symbol.groups.push(group)
    if (group.intervalMs === 0) symbol.immediate.push(group)
    else if (group.state === READY) wakeWith(symbol, group)
  }
}

function groupOf(groups: readonly ConflationGroup[], intervalMs: number): ConflationGroup {
  return groups.find(group => group.intervalMs === intervalMs)!
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
  const group = groupOf(groups, delivery)
  removeUnordered(symbol.groups, group)
  if (group.intervalMs === 0) removeUnordered(symbol.immediate, group)
  symbol.ready?.delete(group)
}
