/**
 * Says in one sentence why a call failed. Any thread. Pure.
 * The sentence is that of grpc-js 1.14, without the parts that are meant for the developers of grpc-js.
 */

import { cutText } from '../../common/quote-value.js'

/** The text may come from the feed. Some patterns below take time that grows with the square of its length. */
const DETAILS_LENGTH_MAX = 500

/** "No connection established. Last error: … . Resolution note: ", followed by nothing when the name was resolved. */
const EMPTY_NOTE = /\.?\s*Resolution note:\s*$/
/** "80…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…c:350:", see ERR_print_errors of OpenSSL. */
const OPENSSL_ERROR =
  /(?:Error: )?[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:\n]*)(?::[^:\s]*:\d+:[^\n]*)?/
/** A connection that broke, in the words of grpc-js for its stream. Behind it stands the reason. */
const BROKEN_STREAM = /Received RST_STREAM with code \d+ triggered by internal client error: /
const TIME = / \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/
/** The feed replied without TLS. For a wrong certificate, OpenSSL and Node use other words. */
const NO_TLS = /wrong version number|packet length too long|before secure TLS connection/
/** The feed replied with something else than HTTP/2, or ended the connection. */
const NO_HTTP2 = /Last error: (Failed to connect|Protocol error)/

/** @param details the text of grpc-js */
export function callFailure(details: string, isTls: boolean): string {
  const text = cutText(details, DETAILS_LENGTH_MAX)
    .replace(EMPTY_NOTE, '')
    .replace(OPENSSL_ERROR, '$1')
    .replace(BROKEN_STREAM, '')
    .replace(TIME, '')
    .replace(/\s+/g, ' ')
    .trim()
  if (isTls) return NO_TLS.test(text) ? `${text}: does the feed speak TLS?` : text
  return NO_HTTP2.test(text) ? `${text}: does the feed want TLS?` : text
}
