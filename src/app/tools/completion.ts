/**
 * Writes the scripts by which shells complete the command line of `ringcast`. Any thread. Pure.
 * They are made from the table of commands, so they know exactly the flags that each command takes.
 */
import { flagOf } from '../../common/setting-names.js'
import { COMMANDS, type CommandDescription, type Shell } from '../../config/commands.js'

interface Flag {
  readonly name: string
  readonly description: string
  /** `none`: the flag is a switch. `path`: a file. A list: one of these. */
  readonly value: 'none' | 'path' | 'text' | readonly string[]
}

const HELP: Flag = { name: 'help', description: 'Show the help of the command', value: 'none' }

export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bashScript()
    case 'zsh':
      return zshScript()
    case 'fish':
      return fishScript()
  }
}

function flagsOf({ groups }: CommandDescription): Flag[] {
  const flags = groups.flatMap(({ settings }) =>
    Object.entries(settings).flatMap(([key, { description, form, rule }]): Flag[] => {
      const name = flagOf(key)
      const { placeholder } = form
      if (placeholder === undefined)
        return [name, `no-${name}`].map(each => ({ name: each, description, value: 'none' }))
      if (placeholder === 'path') return [{ name, description, value: 'path' }]
      const choices = /^must be ((?:[\w-]+, )*[\w-]+ or [\w-]+)$/.exec(rule)?.[1]
      return [{ name, description, value: choices?.split(/, | or /) ?? 'text' }]
    }),
  )
  return [...flags, HELP]
}

const commands = COMMANDS as readonly CommandDescription[]
const names = commands.map(({ name }) => name).join(' ')

function bashScript(): string {
  const cases = commands.map(command => {
    const flags = flagsOf(command)
    const words = [...flags.map(({ name }) => `--${name}`), ...(command.choices ?? [])]
    return `    ${command.name}) words='${words.join(' ')}' ;;`
  })
  const values = new Map(commands.flatMap(flagsOf).map(({ name, value }) => [name, value]))
  const ofKind = (kind: 'path' | 'text') =>
    [...values].filter(([, value]) => value === kind).map(([name]) => `--${name}`)
  const lists = [...values].filter(([, value]) => Array.isArray(value))
  return `# bash: source <(ringcast completion bash)
_ringcast() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=''
  COMPREPLY=()
  case $previous in
${lists.map(([name, value]) => `    --${name}) COMPREPLY=($(compgen -W '${(value as readonly string[]).join(' ')}' -- "$current")); return ;;`).join('\n')}
    ${ofKind('path').join('|')}) compopt -o default; return ;;
    ${ofKind('text').join('|')}) return ;;
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    -*) words='${flagsOf(commands[0]!)
      .map(({ name }) => `--${name}`)
      .join(' ')}' ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names} --version $words"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _ringcast ringcast
`
}

function zshScript(): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const spec = ({ description, name, value }: Flag) => {
    const text = description.replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', '\\:')
    const action =
      value === 'none'
        ? ''
        : value === 'path'
          ? ':file:_files'
          : value === 'text'
            ? ':value: '
            : `:value:(${value.join(' ')})`
    return quoted(`--${name}${value === 'none' ? '' : '='}[${text}]${action}`)
  }
  const cases = commands.map(command => {
    const words = command.choices === undefined ? '' : ` '*:word:(${command.choices.join(' ')})'`
    return `    ${command.name}) _arguments ${flagsOf(command).map(spec).join(' ')}${words} ;;`
  })
  return `#compdef ringcast
_ringcast() {
  local -a commands
  commands=(${commands.map(({ name, summary }) => quoted(`${name}:${summary.replaceAll(':', '\\:')}`)).join(' ')})
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then _describe command commands; return; fi
  local command=$words[2]
  [[ $command == -* ]] && command=serve || { shift words; (( CURRENT-- )) }
  case $command in
${cases.join('\n')}
  esac
}
_ringcast "$@"
`
}

function fishScript(): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = commands.flatMap(command => {
    const { choices, name, summary } = command
    const used = `-n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c ringcast -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...(choices === undefined ? [] : [`complete -c ringcast ${used} -a ${quoted(choices.join(' '))}`]),
      ...flagsOf(command).map(flag => {
        const { description, name: flagName, value } = flag
        const kind =
          value === 'none'
            ? ''
            : value === 'path'
              ? ' -r -F'
              : value === 'text'
                ? ' -x'
                : ` -x -a ${quoted(value.join(' '))}`
        return `complete -c ringcast ${used} -l ${flagName}${kind} -d ${quoted(description)}`
      }),
    ]
  })
  return `complete -c ringcast -f\n${lines.join('\n')}\n`
}
