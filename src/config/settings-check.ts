/**
 * Checks given values against a table of settings and fills in the defaults. Any thread. Pure.
 * Every fault is reported at once, so that a user corrects all of them in one round.
 */
import { type BrokenRelation, brokenRelations } from './setting-relations.js'
import type { SettingTable, ValuesOf } from './settings.js'

export type SettingFault =
  | { readonly kind: 'unknown'; readonly key: string }
  | { readonly kind: 'value'; readonly key: string; readonly rule: string }
  | ({ readonly kind: 'relation' } & BrokenRelation)

export interface CheckedSettings<Settings extends SettingTable> {
  /** Whole where there is no fault. A setting with a fault has no value. Frozen. */
  readonly values: ValuesOf<Settings>
  readonly faults: readonly SettingFault[]
}

/** @param given a value for each key; `undefined` and an absent key mean the default */
export function checkSettings<Settings extends SettingTable>(
  settings: Settings,
  given: Readonly<Record<string, unknown>>,
): CheckedSettings<Settings> {
  const values = new Map<string, unknown>()
  const faults: SettingFault[] = []
  for (const [key, setting] of Object.entries(settings)) {
    const checked = setting.check(given[key])
    if (checked === undefined) faults.push({ kind: 'value', key, rule: setting.rule })
    else values.set(key, checked.value)
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(settings, key)) faults.push({ kind: 'unknown', key })
  }
  for (const broken of brokenRelations(values)) faults.push({ kind: 'relation', ...broken })
  return { values: Object.freeze(Object.fromEntries(values)) as ValuesOf<Settings>, faults }
}
