/**
 * What a request to connect shows of its client, and what the client may have of what it asks for. Main thread. Pure.
 */
import type { IncomingMessage } from 'node:http'
import type { Delivery } from '../../protocol/delivery.js'
import { EVERY_TICK } from '../../protocol/delivery.js'
import type { CommandId } from '../../protocol/messages.js'
import { badRequest, type Refusal } from '../refusal.js'
import type { StreamRequest } from '../upgrade-request.js'
import { readEntitledDelivery } from './client-access.js'
import type { Credentials } from './gatekeeper.js'
import type { AccessDenied, Identity } from './identity.js'

/** Who a client is, and how it has said so. */
export interface Introduction {
  readonly identity: Identity
  /** What the URL asks for, as far as the client may have it. */
  readonly delivery: Delivery
  /** The `auth` by which the client has said who it is; undefined: the request to connect shows it. */
  readonly message: { readonly id: CommandId | undefined } | undefined
}

export const TOKEN_MISSING: AccessDenied = {
  code: 'token_missing',
  denied:
    'send a token: in the header Authorization as Bearer, in the URL as token, or in the subprotocol ringcast.token.<token>',
}

export function introductionOf(
  stream: StreamRequest,
  identity: Identity,
  message: Introduction['message'],
): Introduction | Refusal {
  const delivery = readEntitledDelivery(stream.deliveryFields, EVERY_TICK, identity.latestIntervalMs)
  if (!('code' in delivery)) return { identity, delivery, message }
  const { code, message: text } = delivery
  return code === 'not_entitled' ? { status: 403, code, message: text } : badRequest(code, text)
}

export function credentialsOf(
  { address, request }: { readonly address: string | undefined; readonly request: IncomingMessage },
  token: string | undefined,
): Credentials {
  return { token, url: request.url ?? '', headers: request.headers, address, renews: undefined }
}

export function refusalOfDenied({ code = 'denied', denied: message }: AccessDenied): Refusal {
  return code === 'auth_unavailable' ? { status: 503, code, message } : { status: 401, code, message }
}
