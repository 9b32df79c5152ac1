/**
 * The settings that a service would run with, and where each comes from, for `ringcast config`. Any thread. Pure.
 */
import { flagOf, variableOf } from '../common/setting-names.js'
import { commandOf, type Service } from './commands.js'
import type { ServiceCommand } from './service-command.js'
import type { SettingTable } from './settings.js'

export interface ShownSetting {
  readonly group: string
  readonly variable: string
  readonly flag: string
  /** As the gateway uses it; null: unset; `…`: a secret. */
  readonly value: unknown
  /** As a user would write it. */
  readonly text: string
  /** The variable or the flag that gave it, or `default`. */
  readonly origin: string
}

export interface ShownConfig {
  readonly service: Service
  readonly settings: readonly ShownSetting[]
  readonly json: boolean
}

const SECRET = '…'
const UNSET = 'unset'

export function shownConfig({ config, origin, service }: ServiceCommand, json: boolean): ShownConfig {
  const values = config as unknown as Readonly<Record<string, unknown>>
  const settings = commandOf(service).groups.flatMap(({ settings: table, title }) =>
    Object.entries(table as SettingTable).map(([key, { form, isSecret }]) => {
      const value = values[key]
      const isUnset = value === undefined || (Array.isArray(value) && value.length === 0)
      const isHidden = isSecret === true && !isUnset
      return {
        group: title,
        variable: variableOf(key),
        flag: `--${flagOf(key)}`,
        value: isHidden ? SECRET : (value ?? null),
        text: isHidden ? SECRET : isUnset ? UNSET : form.write(value),
        origin: origin(key) ?? 'default',
      }
    }),
  )
  return { service, settings, json }
}

export function shownConfigText({ json, service, settings }: ShownConfig): string {
  if (json) {
    const shown = settings.map(({ flag, group, origin, value, variable }) => ({
      variable,
      flag,
      group,
      value,
      origin,
    }))
    return `${JSON.stringify({ command: service, settings: shown }, undefined, 2)}\n`
  }
  const variableWidth = Math.max(...settings.map(({ variable }) => variable.length))
  const textWidth = Math.min(32, Math.max(...settings.map(({ text }) => text.length)))
  const lines: string[] = []
  let group = ''
  for (const setting of settings) {
    if (setting.group !== group) {
      group = setting.group
      lines.push(...(lines.length === 0 ? [] : ['']), `${group}:`)
    }
    const { origin, text, variable } = setting
    lines.push(`  ${variable.padEnd(variableWidth)}  ${text.padEnd(textWidth)}  ${origin}`)
  }
  return `${lines.join('\n')}\n`
}
