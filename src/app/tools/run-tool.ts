/**
 * Runs a tool to its end. Main thread. Only the tool that is asked for is loaded.
 */
import { RingcastError } from '../../common/errors.js'
import type { ToolCommand } from '../../config/config.js'
import type { ToolHost } from './tool-host.js'

/** @returns the exit code */
export async function runTool(parsed: ToolCommand, host: ToolHost): Promise<number> {
  try {
    switch (parsed.command) {
      case 'probe': {
        const { probe } = await import('../probe.js')
        return await probe(parsed.probe, {
          result: line => host.out(`${line}\n`),
          progress: line => host.err(`${line}\n`),
        })
      }
      case 'tail':
        return await (await import('./tail.js')).tail(parsed.tail, host)
      case 'top':
        return await (await import('./top.js')).top(parsed.top, host)
      case 'completion': {
        const { completionScript } = await import('./completion.js')
        host.out(completionScript(parsed.shell))
        return 0
      }
      case 'load':
        return await (await import('./load.js')).load(parsed.load, host)
    }
  } catch (error) {
    if (!(error instanceof RingcastError && error.code === 'config_invalid')) throw error
    host.err(`${error.message}\n`)
    return 2
  }
}
