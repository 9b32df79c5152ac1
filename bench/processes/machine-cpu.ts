/**
 * The CPU time of the whole machine.
 */
import { readFileSync } from 'node:fs'

/** The unit of CPU times in Linux: https://man7.org/linux/man-pages/man5/proc_stat.5.html */
const CPU_TICKS_PER_SECOND = 100

/** CPU time of all processes of the machine, since its start. */
export function machineCpuUs(): number {
  const [user, nice, system, , , irq, softIrq] = readFileSync('/proc/stat', 'utf8')
    .slice('cpu '.length, 200)
    .trim()
    .split(/\s+/)
    .map(Number) as [number, number, number, number, number, number, number]
  return ((user + nice + system + irq + softIrq) * 1e6) / CPU_TICKS_PER_SECOND
}
