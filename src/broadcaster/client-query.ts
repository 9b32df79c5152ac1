/** The rules of a query for clients by a user of the library. Main thread. Pure. */
import { type OptionRule, wholeFrom } from '../config/option-check.js'
import { CLIENT_SORTS, CLIENTS_SHOWN_MAX, type ClientQuery } from '../metrics/client-view.js'

export const CLIENTS_SHOWN_DEFAULT = 20

export const clientQueryRules: Readonly<Record<keyof ClientQuery, OptionRule>> = {
  sort: {
    rule: `must be one of ${CLIENT_SORTS.join(', ')}`,
    holds: value => CLIENT_SORTS.some(sort => sort === value),
  },
  limit: wholeFrom(1, CLIENTS_SHOWN_MAX),
}
