/**
 * What a tool sees of its process: where it prints, whether people look at it, and when it must end. Main thread.
 */

export interface ToolHost {
  /** Writes to stdout what the user asked for. */
  out(text: string): void
  /** Writes to stderr what the user should know besides. */
  err(text: string): void
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean
  /** Whether stderr is a terminal. */
  readonly isErrTerminal: boolean
  readonly hasColours: boolean
  /** Columns and rows of the terminal of stdout, as they are now. */
  size(): { readonly columns: number; readonly rows: number }
  /**
   * Reads single keys of the terminal from now on. Ctrl-C still interrupts. Without a terminal no key comes.
   *
   * @param pressed is called with one character
   * @returns gives the keys back to the terminal
   */
  onKey(pressed: (key: string) => void): () => void
  /** Aborted by SIGINT, by SIGTERM, and when nobody reads stdout any more. */
  readonly signal: AbortSignal
}

const SAME_SIGNAL_MS = 500
const SIZE_DEFAULT = { columns: 80, rows: 24 }

/** @param env of the process: `NO_COLOR` (https://no-color.org) forbids colours */
export function processToolHost(host: NodeJS.Process, env: NodeJS.ProcessEnv): ToolHost {
  const ending = new AbortController()
  let firstMs = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    host.on(signal, () => {
      const nowMs = performance.now()
      if (!ending.signal.aborted) firstMs = nowMs
      // The second one ends the process at once. A terminal and npx both send the first one.
      else if (nowMs - firstMs > SAME_SIGNAL_MS) host.exit(signal === 'SIGINT' ? 130 : 143)
      ending.abort()
    })
  // `ringcast tail … | head`: the reader has gone.
  host.stdout.on('error', () => ending.abort())
  host.stderr.on('error', () => {})
  const isTerminal = host.stdout.isTTY === true
  return {
    out: text => write(host.stdout, text),
    err: text => write(host.stderr, text),
    isTerminal,
    isErrTerminal: host.stderr.isTTY === true,
    hasColours: isTerminal && !env.NO_COLOR,
    size: () => ({
      columns: host.stdout.columns ?? SIZE_DEFAULT.columns,
      rows: host.stdout.rows ?? SIZE_DEFAULT.rows,
    }),
    onKey: pressed => readKeys(host, pressed),
    signal: ending.signal,
  }
}

const CTRL_C = '\x03'
const ESCAPE = '\x1b'

function readKeys(host: NodeJS.Process, pressed: (key: string) => void): () => void {
  const { stdin } = host
  if (!stdin.isTTY) return () => {}
  const read = (data: Buffer): void => {
    const text = data.toString()
    // In raw mode the terminal makes no signal of it.
    if (text.includes(CTRL_C)) host.kill(host.pid, 'SIGINT')
    // Arrows and the like come as several characters.
    else if (!text.startsWith(ESCAPE)) for (const key of text) pressed(key)
  }
  stdin.setRawMode(true)
  stdin.on('data', read)
  return () => {
    stdin.off('data', read)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

/** Nobody reads a stream that has been destroyed. */
function write(stream: NodeJS.WriteStream, text: string): void {
  if (text !== '' && !stream.destroyed) stream.write(text)
}
