/**
 * Checks given values against a table of settings and fills in the defaults. Any thread. Pure.
 * Every fault is reported at once, so that a user corrects all of them in one round.
 */
import { type BrokenRelation, brokenRelations } from './setting-relations.js'
import type { SettingTable } from './settings.js'

export type SettingFault =
  | { readonly kind: 'unknown'; readonly key: string }
  | { readonly kind: 'value'; readonly key: string; readonly rule: string }
  | ({ readonly kind: 'relation' } & BrokenRelation)

export interface CheckedSettings {
  /** The value of each setting of the table that is right. Without a fault: of every setting. */
  readonly values: ReadonlyMap<string, unknown>
  readonly faults: readonly SettingFault[]
}

/** @param given a value for each key; `undefined` and an absent key mean the default */
export function checkSettings(
  settings: SettingTable,
  given: Readonly<Record<string, unknown>>,
): CheckedSettings {
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
  return { values, faults }
}
