/**
 * Tells systemd that the service is ready, stops, and is alive: https://www.freedesktop.org/software/systemd/man/sd_notify.html
 * Main thread. Node cannot write to a Unix datagram socket, so the command `systemd-notify` does: a few times a minute.
 */
import { execFile } from 'node:child_process'
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { Service } from './process-lifetime.js'

export interface ServiceManagerOptions {
  /** The value of `WATCHDOG_USEC`; undefined: the unit has no watchdog. */
  readonly watchdogUs: string | undefined
  /** Whether a restart would not help. Without it, systemd is not told that the service is alive. */
  readonly isLive: () => boolean
  readonly clock: Pick<Clock, 'every'>
  readonly log: Log
  /** Default: by the command. */
  readonly notify?: (message: string) => Promise<void>
}

/** Messages in each period of the watchdog. */
const PER_PERIOD = 2

/** The service, which also tells systemd of itself. */
export function withServiceManager(service: Service, options: ServiceManagerOptions): Service {
  const { clock, isLive, log, notify = notifyByCommand, watchdogUs } = options
  const tell = (message: string): Promise<void> =>
    notify(message).catch((err: unknown) => log.warn({ err, message }, 'systemd could not be told'))
  const periodMs = Number(watchdogUs) / 1000
  let alive: Timer | undefined
  return {
    ...service,
    async start(signal) {
      await service.start(signal)
      await tell('READY=1')
      if (periodMs > 0)
        alive = clock.every(periodMs / PER_PERIOD, () => {
          if (isLive()) void tell('WATCHDOG=1')
        })
    },
    async stop(isRequested) {
      // Clients do not wait for systemd. The watchdog goes on: a stop may take longer than its period.
      const told = tell('STOPPING=1')
      try {
        await service.stop(isRequested)
      } finally {
        alive?.cancel()
        await told
      }
    },
  }
}

function notifyByCommand(message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [message], { timeout: 5000 }, error =>
      error === null ? resolve() : reject(error),
    )
  })
}
