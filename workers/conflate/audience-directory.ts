/**
 * The open audiences of a lane, their conflation groups, and the symbols that each of them gets. One lane's own.
 * Unfiltered audiences are attached to no symbol: the collector gives them each tick.
 * A symbol is kept if it is one of the first 65,536 of the lane.
 * Audiences open and close step by step, so that ticks are published between two steps.
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

/** Symbols that one step of opening or closing an audience looks at: 50 to 150 µs. */
const SYMBOLS_PER_STEP = 256

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

  /** Begins an audience with entries of its own. It gets no symbols before `attachAll`. */
  begin(state: AudienceState): LaneAudience {
    return this.add(state, DeliveryMap.of(entriesOf(state.spec)), state.conflated)
  }

  /** Begins an audience whose entries are those of an open audience, with a change. See `attachLike`. */
  beginLike(start: AudienceStart, base: LaneAudience, change: EntryChange): LaneAudience {
    return this.add(start, base.deliveries.changedBy(change), [])
  }

  /**
   * Attaches the known symbols of an audience that has begun: its entries, and the symbols that its prefixes match.
   *
   * @returns steps, each with the number of symbols that it looked at
   */
  *attachAll(audience: LaneAudience): Generator<number> {
    if (audience.isUnfiltered) return
    const { names, prefixes } = audience.deliveries
    const attachments = this.attachments.get(audience)!
    const steps = new Steps()
    for (const [name, delivery] of names) {
      this.attachName(name, audience, delivery)
      if (steps.count()) yield steps.take()
    }
    // The longest prefix comes first, so each symbol is attached by its longest entry.
    const byLength = [...prefixes.entries()].sort(([one], [other]) => other.length - one.length)
    for (const [prefix] of byLength) this.index.addPrefix(prefix, audience)
    for (const [prefix, delivery] of byLength) {
      for (const symbol of this.symbols.withPrefix(prefix)) {
        attachNew(symbol, audience, attachments, delivery)
        if (steps.count()) yield steps.take()
      }
    }
    yield steps.take()
  }

  /**
   * Attaches the known symbols of an audience that has begun, and differs from an open audience by a change.
   *
   * @returns steps, each with the number of symbols that it looked at
   */
  *attachLike(base: LaneAudience, audience: LaneAudience, change: EntryChange): Generator<number> {
    if (audience.isUnfiltered) return
    if (base.isUnfiltered) {
      yield* this.attachAll(audience)
      return
    }
    const { index, symbols } = this
    const { deliveries } = audience
    const attachments = this.attachments.get(audience)!
    const steps = new Steps()
    for (const name of deliveries.names.keys())
      if (symbols.get(name) === undefined) index.addName(name, audience)
    for (const [prefix] of deliveries.prefixes.entries()) index.addPrefix(prefix, audience)
    const changed = new Set<LaneSymbol>()
    for (const entry of [...change.removed, ...change.added.map(([entry]) => entry)]) {
      for (const symbol of symbols.matching(entry)) {
        changed.add(symbol)
        if (steps.count()) yield steps.take()
      }
    }
    for (const [symbol, delivery] of this.attachments.get(base)!.symbols) {
      if (!changed.has(symbol)) attachNew(symbol, audience, attachments, delivery)
      if (steps.count()) yield steps.take()
    }
    for (const symbol of changed) {
      const delivery = deliveries.ofSymbol(symbol.symbol)
      if (delivery !== undefined) attachNew(symbol, audience, attachments, delivery)
      if (steps.count()) yield steps.take()
    }
    yield steps.take()
  }

  /**
   * Closes an audience, and then detaches its symbols. Until that is done, the collector may give it ticks.
   *
   * @returns steps, each with the number of symbols that it looked at
   */
  *close(audience: LaneAudience): Generator<number> {
    const attachments = this.attachments.get(audience)
    if (attachments === undefined) return
    this.audiences.delete(audience.id)
    this.attachments.delete(audience)
    if (audience.isUnfiltered) return
    for (const name of audience.deliveries.names.keys()) this.index.removeName(name, audience)
    for (const [prefix] of audience.deliveries.prefixes.entries()) this.index.removePrefix(prefix, audience)
    const steps = new Steps()
    for (const [symbol, delivery] of attachments.symbols) {
      detach(symbol, audience, attachments.groups, delivery)
      if (steps.count()) yield steps.take()
    }
    yield steps.take()
  }

  /** All known symbols that an audience gets. */
  symbolsOf(audience: LaneAudience): Iterable<LaneSymbol> {
    return audience.isUnfiltered ? this.symbols.all() : this.attachments.get(audience)!.symbols.keys()
  }

  /** How many known symbols an audience gets. */
  symbolCountOf(audience: LaneAudience): number {
    return audience.isUnfiltered ? this.symbols.count : this.attachments.get(audience)!.symbols.size
  }

  /** How many known symbols an audience gets beyond those that it names. */
  matchedCountOf(audience: LaneAudience): number {
    const count = this.attachments.get(audience)?.symbols.size ?? 0
    return Math.max(0, count - audience.deliveries.names.size)
  }

  /** How an audience gets a known symbol; undefined: not at all. */
  deliveryOf(audience: LaneAudience, symbol: LaneSymbol): Delivery | undefined {
    return audience.isUnfiltered ? EVERY : this.attachments.get(audience)!.symbols.get(symbol)
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

  private attachName(name: string, audience: LaneAudience, delivery: Delivery): void {
    const symbol = this.symbols.get(name)
    if (symbol === undefined) this.index.addName(name, audience)
    else attachNew(symbol, audience, this.attachments.get(audience)!, delivery)
  }

  private newSymbol(name: string, bytes: Uint8Array, isKept: boolean): LaneSymbol {
    const symbol = new LaneSymbol(name, bytes, isKept, this.codec)
    for (const audience of this.index.audiencesOf(name))
      attach(symbol, audience, this.attachments.get(audience)!, audience.deliveryOf(name)!)
    if (isKept) this.index.forgetName(name)
    return symbol
  }
}

function attach(
  symbol: LaneSymbol,
  audience: LaneAudience,
  { groups, symbols }: Attachments,
  delivery: Delivery,
): void {
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

/** A symbol that came between two steps is attached already. */
function attachNew(
  symbol: LaneSymbol,
  audience: LaneAudience,
  attachments: Attachments,
  delivery: Delivery,
): void {
  if (!attachments.symbols.has(symbol)) attach(symbol, audience, attachments, delivery)
}

/** Counts the symbols of a step. */
class Steps {
  private symbols = 0

  /** Counts a symbol. @returns whether the step is long enough */
  count(): boolean {
    return ++this.symbols >= SYMBOLS_PER_STEP
  }

  /** Ends a step. @returns its symbols */
  take(): number {
    const { symbols } = this
    this.symbols = 0
    return symbols
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
