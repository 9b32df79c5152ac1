/**
 * Lets other threads have the cores first. Worker thread.
 */
import { constants, setPriority } from 'node:os'

/**
 * Gives this thread the lowest priority, where the system keeps priorities by thread: on Linux, 0 means the calling thread
 * (https://man7.org/linux/man-pages/man2/setpriority.2.html). On others it means the whole process.
 */
export function yieldCores(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
}
