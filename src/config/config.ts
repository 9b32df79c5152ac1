/**
 * Makes the config from variables, flags or a library user's options. Any thread.
 * Reads its arguments and the number of processors, nothing else. Every fault is reported in one error.
 */
import { availableParallelism as processorCount } from 'node:os'
import { RingcastError } from '../common/errors.js'
import { COMMAND_NAMES, type CommandName, type Service } from './commands.js'
import { faultLines, namesOfOptions } from './config-errors.js'
import { helpText, overviewText } from './help.js'
import { checkObject } from './option-check.js'
import type { ProbeConfig } from './probe-settings.js'
import { type ConfigSources, poolSizeFor, readService, readServiceLine } from './service-command.js'
import { type Config, type HandlerOptions, handlerSettings } from './settings.js'
import { checkSettings } from './settings-check.js'
import { type ShownConfig, shownConfig } from './shown-config.js'
import {
  isTool,
  type LoadConfig,
  readTool,
  type TailConfig,
  type ToolCommand,
  type TopConfig,
} from './tool-command.js'
import { shownConfigSettings } from './tool-settings.js'

export type {
  Config,
  ConfigSources,
  HandlerOptions,
  LoadConfig,
  ProbeConfig,
  ShownConfig,
  TailConfig,
  ToolCommand,
  TopConfig,
}

export type ParsedCommand =
  | { readonly command: Service; readonly config: Config }
  | { readonly command: 'config'; readonly shown: ShownConfig }
  | ToolCommand
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

/** @throws RingcastError `config_invalid`, with one line for each fault */
export function parseConfig({ env, argv, availableParallelism }: ConfigSources): ParsedCommand {
  const [first, ...rest] = argv
  if (isTool(first)) {
    const read = readTool(first, env, rest)
    return read === 'help' ? help(first) : read === 'version' ? { command: 'version' } : read
  }
  const isShown = first === 'config'
  const line = readServiceLine(isShown ? rest : argv, isShown ? shownConfigSettings : {})
  if (line.help) return help(isShown ? 'config' : COMMAND_NAMES.find(name => line.words[0] === name))
  if (line.version) return { command: 'version' }
  const service = readService(line, { env, availableParallelism })
  if (!isShown) return { command: service.service, config: service.config }
  return { command: 'config', shown: shownConfig(service, line.given.get('json')?.text === 'true') }
}

/** @param name undefined: no command was named */
function help(name: CommandName | undefined): ParsedCommand {
  return { command: 'help', text: name === undefined ? overviewText() : helpText(name) }
}

/**
 * The options of a library user, checked and filled with the defaults.
 *
 * @throws RingcastError `option_invalid`, with one line for each fault
 */
export function handlerOptions(
  options: Readonly<Partial<HandlerOptions>> = {},
  availableParallelism: number = processorCount(),
): HandlerOptions {
  checkObject(options, 'options')
  const { poolSize = poolSizeFor(availableParallelism), ...rest } = options
  const { values, faults } = checkSettings(handlerSettings, { ...rest, poolSize })
  if (faults.length > 0) {
    const names = namesOfOptions(options, Object.keys(handlerSettings))
    throw new RingcastError('option_invalid', faultLines(faults, names).join('\n'))
  }
  return values
}

/** The settings of a config that a `StreamHandler` takes. */
export function handlerPart(config: Config): HandlerOptions {
  const keys = Object.keys(handlerSettings) as (keyof HandlerOptions)[]
  return Object.fromEntries(keys.map(key => [key, config[key]])) as unknown as HandlerOptions
}
