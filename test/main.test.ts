import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { TickClient } from './support/tick-client.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(argv: string[], env: Record<string, string> = {}) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('RINGCAST_'))
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { ...Object.fromEntries(others), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function run(argv: string[], env?: Record<string, string>) {
  const child = start(argv, env)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

/** All that the process logs. It gets a signal when it has logged such a message. */
async function messagesUntil(child: ReturnType<typeof start>, last: RegExp): Promise<string[]> {
  const messages: string[] = []
  const exit = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg } = JSON.parse(line) as { msg: string }
    messages.push(msg)
    if (last.test(msg)) child.kill('SIGTERM')
  }
  await exit
  return messages
}

describe('ringcast', () => {
  it('shows its help', async () => {
    const { code, stdout, stderr } = await run(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: ringcast')
    expect(stdout).toContain('--max-clients <number>')
  })

  it('shows the version of its package', async () => {
    const packageJson = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { version } = JSON.parse(packageJson) as { version: string }
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it('reports every wrong setting at once, and starts nothing', async () => {
    const argv = ['--prot', '9000', '--log-level=loud']
    const env = { RINGCAST_PORT: 'abc', RINGCAST_MAX_CLIENT: '5' }
    expect(await run(argv, env)).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        '--prot: unknown; did you mean --port?',
        'RINGCAST_MAX_CLIENT: unknown; did you mean RINGCAST_MAX_CLIENTS?',
        'RINGCAST_PORT=abc: must be a whole number from 0 to 65535',
        '--log-level=loud: must be trace, debug, info, warn, error, fatal or silent',
        '',
        'ringcast --help lists the commands, ringcast <command> --help its flags.',
        '',
      ].join('\n'),
    })
  })

  it('reads its embedded feed, whatever proxy the environment names, until a signal, then ends with 0', async () => {
    const proxy = 'http://127.0.0.1:9'
    const env = { grpc_proxy: proxy, https_proxy: proxy, http_proxy: proxy, no_proxy: '', no_grpc_proxy: '' }
    const child = start(['--port=0', '--admin-port=0', '--pool-size=1'], env)
    const messages = await messagesUntil(child, /the feed at|no feed/)
    expect(messages).toContain('accepting clients')
    expect(messages).toContainEqual(expect.stringContaining('npx wscat -c ws://'))
    expect(messages).toContainEqual(expect.stringMatching(/^the feed at .* is live, session 1$/))
    expect(messages.at(-1)).toBe('stopped')
    expect(child.exitCode).toBe(0)
  })

  it('serves a feed until a signal, then ends with 0', async () => {
    const child = start(['feed', '--feed-listen=localhost:0'])
    const messages = await messagesUntil(child, /ringcast --upstream /)
    expect(messages).toContain('feeding')
    expect(messages.at(-1)).toBe('stopped')
    expect(child.exitCode).toBe(0)
  })

  it('keeps running, with its other clients, when a client sends JSON of thousands of levels', async () => {
    const child = start(['--port=0', '--admin-port=0', '--pool-size=1', '--compression'])
    let url = ''
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, webSocketUrl } = JSON.parse(line) as { msg: string; webSocketUrl?: string }
      if (msg === 'accepting clients') url = webSocketUrl!.replace('[::]', '127.0.0.1')
      if (url !== '') break
    }
    child.stdout.resume()
    const other = await TickClient.connect(url)
    const client = new WebSocket(url, { perMessageDeflate: { threshold: 0 } })
    await once(client, 'open')
    client.send(`{"id":${'['.repeat(4200)}${']'.repeat(4200)}}`)
    client.send('{"type":"ping","id":"after"}')
    const closed = once(client, 'close').then(([code]) => `closed with ${code}`)
    const answered = new Promise(resolve => {
      client.on('message', data => {
        if (String(data).includes('"id":"after"')) resolve('answered')
      })
    })
    expect(await Promise.race([answered, closed])).toBe('answered')
    const before = other.ticks.length
    await other.until(() => other.ticks.length > before)
    expect(child.exitCode).toBeNull()
    client.terminate()
    await other.close()
  })

  it('ends with 1 and names the setting to change when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { code, stdout } = await run(['--port=0', `--admin-port=${port}`, '--pool-size=1'])
    taken.close()
    expect(code).toBe(1)
    expect(stdout).toContain('"code":"listen_failed"')
    expect(stdout).toContain('RINGCAST_ADMIN_PORT')
  })

  it('tails a gateway into a pipe, and ends when nobody reads it any more', async () => {
    const gateway = start(['--port=0', '--admin-port=0', '--pool-size=1'])
    let url = ''
    for await (const line of createInterface({ input: gateway.stdout })) {
      const { webSocketUrl } = JSON.parse(line) as { webSocketUrl?: string }
      if (webSocketUrl !== undefined) url = webSocketUrl.replace('[::]', '127.0.0.1')
      if (url !== '') break
    }
    gateway.stdout.resume()
    const tail = start(['tail', '*', `--url=${url}`])
    await once(tail.stdout, 'data')
    tail.stdout.destroy()
    const [code] = await once(tail, 'exit')
    expect(code).toBe(0)
  })

  it('ends a tail at a signal, with 0', async () => {
    const tail = start(['tail', 'A', '--url=ws://127.0.0.1:1/ws/ticks'])
    let stderr = ''
    tail.stderr.on('data', chunk => {
      const wasWaiting = stderr.includes('again in')
      stderr += chunk
      if (wasWaiting || !stderr.includes('again in')) return
      // As Ctrl-C does below npx: from the terminal, and from npx.
      tail.kill('SIGINT')
      tail.kill('SIGTERM')
    })
    const [code] = await once(tail, 'close')
    expect(code).toBe(0)
    expect(stderr).toContain('-- reconnecting: connect ECONNREFUSED 127.0.0.1:1, again in')
    expect(stderr).toMatch(/0 ticks\n$/)
  })

  it('ends with 2 when a tool cannot read its file', async () => {
    const { code, stderr } = await run(['tail', 'A', '--token-file=/no/such/file'])
    expect([code, stderr]).toEqual([2, '--token-file=/no/such/file: must be a file that can be read\n'])
  })

  it('ends with 2 when a setting is found wrong during the start', async () => {
    const tls = ['--upstream=localhost:1', '--upstream-tls', '--upstream-tls-ca=/no/such/file']
    const { code, stdout } = await run(['--port=0', '--admin-port=0', '--pool-size=1', ...tls])
    expect(code).toBe(2)
    expect(stdout).toContain('RINGCAST_UPSTREAM_TLS_CA')
  })
})
