/** What the URLs of NATS servers say: the client takes names and passwords apart from addresses. Any thread. Pure. */

export interface ServerUrls {
  /** 'host:port' of each. */
  readonly servers: readonly string[]
  /** Of the first URL that has them. A name without a password is a token. */
  readonly user?: string
  readonly pass?: string
  readonly token?: string
  /** Whether a URL begins with tls://. */
  readonly isTls: boolean
}

const PORT = '4222'

/** @param urls nats://[name[:password]@]host[:port], or tls://… */
export function serverUrls(urls: readonly string[]): ServerUrls {
  const parsed = urls.map(url => new URL(url))
  const { password = '', username = '' } = parsed.find(({ username }) => username !== '') ?? {}
  const name = decodeURIComponent(username)
  return {
    servers: parsed.map(({ hostname, port }) => `${hostname}:${port || PORT}`),
    isTls: parsed.some(({ protocol }) => protocol === 'tls:'),
    ...(name === ''
      ? {}
      : password === ''
        ? { token: name }
        : { user: name, pass: decodeURIComponent(password) }),
  }
}
