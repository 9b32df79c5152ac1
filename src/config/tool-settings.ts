/**
 * The settings of the commands that look at a gateway: `tail`, `top`, `load`, `config` and `completion`. Any thread.
 * Those of the admin port are the gateway's, with its flags and its variables.
 */
import {
  choice,
  duration,
  filePath,
  flag,
  symbols,
  textSetting,
  whole,
  wholeOrUnset,
} from './setting-types.js'
import { configSettings } from './settings.js'
import { millisecondsText, secondsText } from './units.js'

const { adminHost, adminPort, adminTokenFile } = configSettings

const json = (description: string) => flag(description, { initial: false })

/** How to reach a gateway as a client. */
const connection = {
  url: textSetting('Gateway to connect to', {
    rule: 'must be a URL such as wss://ticks.example/ws/ticks, without parameters',
    placeholder: 'url',
    initial: 'ws://localhost:8080/ws/ticks',
    holds: isGatewayUrl,
  }),
  tokenFile: filePath('File of the token to show to the gateway; read again for each connection'),
  tlsCa: filePath('File of certificates (PEM) to trust for the gateway; unset: those of Node'),
  delivery: choice('Every tick, or the latest of each symbol and kind', {
    of: ['every', 'latest'],
    initial: 'every',
  }),
  interval: wholeOrUnset('With latest: time between two updates', {
    min: 0,
    max: 60_000,
    form: millisecondsText,
  }),
}

export const tailSettings = {
  ...connection,
  snapshot: flag('Begin with the latest ticks that are known, as with latest', { initial: false }),
  since: textSetting('Begin in the past: so long ago, such as -15m, or a time of RFC 3339', {
    rule: 'must be a time such as -15m or 2026-01-31T09:30:00Z',
    placeholder: 'time',
    holds: text => /^-\d{1,10}(?:ms|s|m|h)$/.test(text) || /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text),
  }),
  resume: textSetting('Go on behind a position that an earlier run has told', {
    rule: 'must be a position such as k3Xh_9aB:812',
    placeholder: 'epoch:offset',
    holds: text => /^[\w.~-]+:\d{1,16}$/.test(text),
  }),
  count: wholeOrUnset('End after so many ticks', { min: 1, max: 1_000_000_000 }),
  json: json('Print each item as a line of JSON: ticks, snapshots, gaps, states and refusals'),
}

export const topSettings = {
  adminHost,
  adminPort,
  adminTokenFile,
  interval: duration('Time between two looks', { initial: 2000, min: 100 }),
  rows: whole('Most clients to show', { min: 0, max: 1000, initial: 10 }),
  sort: choice('Most of lag, bytes, ticks, gaps, age, sent or subscriptions first', {
    of: ['lag', 'bytes', 'ticks', 'gaps', 'age', 'sent', 'subscriptions'],
    initial: 'lag',
  }),
  once: flag('Show the numbers of one interval, and end', { initial: false }),
  json: json('Print each look as a line of JSON'),
}

export const loadSettings = {
  ...connection,
  clients: whole('Clients to connect', { min: 1, max: 100_000, initial: 100 }),
  duration: whole('How long to measure, once all are connected', {
    min: 1,
    max: 86_400,
    initial: 10,
    form: secondsText,
  }),
  connectRate: whole('Clients to connect in a second; a gateway lets 128 of one address connect for long', {
    min: 1,
    max: 100_000,
    initial: 100,
  }),
  symbols: symbols('Symbols and prefixes of each client; unset: all'),
  json: json('Print the report as JSON'),
}

export const shownConfigSettings = { json: json('Print the settings as JSON') }

/** A URL of ws or wss with a path, and without user, query or fragment. */
function isGatewayUrl(text: string): boolean {
  if (!URL.canParse(text) || /[?#]/.test(text)) return false
  const { protocol, username } = new URL(text)
  return (protocol === 'ws:' || protocol === 'wss:') && username === ''
}
