/**
 * The library of JSON Web Tokens, https://github.com/panva/jose. Main thread. Only this file imports it.
 */
import { createLocalJWKSet, errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose'

export { createLocalJWKSet, errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify }
