/**
 * Why a call failed, in one sentence: what grpc-js 1.14 says of it, without what is for its own developers. Pure.
 */

import { cutText } from '../../common/quote-value.js'

/** A feed may say anything, and some of these patterns take time as the square of the length. */
const DETAILS_LENGTH_MAX = 500

/** "No connection established. Last error: … . Resolution note: ", with nothing behind it where the name was resolved. */
const EMPTY_NOTE = /\.?\s*Resolution note:\s*$/
/** "80…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…c:350:", see ERR_print_errors of OpenSSL. */
const OPENSSL_ERROR =
  /(?:Error: )?[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:\n]*)(?::[^:\s]*:\d+:[^\n]*)?/
const TIME = / \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/
/** What came was no TLS: of an error in a certificate OpenSSL and Node speak otherwise. */
const NO_TLS = /wrong version number|packet length too long|before secure TLS connection/
/** What came was no HTTP/2, or nothing. */
const NO_HTTP2 = /Last error: (Failed to connect|Protocol error)/

/** @param details as grpc-js gives them, of a call over TLS or not */
export function callFailure(details: string, isTls: boolean): string {
  const text = cutText(details, DETAILS_LENGTH_MAX)
    .replace(EMPTY_NOTE, '')
    .replace(OPENSSL_ERROR, '$1')
    .replace(TIME, '')
    .replace(/\s+/g, ' ')
    .trim()
  if (isTls) return NO_TLS.test(text) ? `${text}: does the feed speak TLS?` : text
  return NO_HTTP2.test(text) ? `${text}: does the feed want TLS?` : text
}
