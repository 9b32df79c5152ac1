/**
 * The faults that `npm run test:faults` injects. Each row names the tests that prove it: a file in `test/`, without `.test.ts`, and how the
 * full names of its tests begin. A row of which no test has run has failed.
 */

export interface FaultRow {
  readonly section: string
  readonly fault: string
  /** How it is injected. */
  readonly injected: string
  /** What the tests show, beside that there was no silent error. */
  readonly held: string
  readonly file: string
  readonly test: string
}

const TABLES = {
  'Threads and rings': `
    lane killed at random        | thread ended 200 times in a storm   | each tick once, or told        | faults/lanes.faults        | lanes that are killed 200 times
    lane killed at each call     | thrown at each call in turn         | nothing lost or repeated       | workers/lane-succession    | lanes that die leave nothing undone
    lane dies in a storm         | thread exits within a turn          | each tick once, or told        | end-to-end/storm           | has no silent error while lanes die in the midst of that
    lane dies in snapshots       | thread exits within a snapshot      | each snapshot whole            | end-to-end/storm           | has no silent error while lanes die in the midst of snap
    lane hangs                   | endless loop in the decoder         | a successor in time, no loss   | faults/lanes.faults        | a lane that hangs has a successor
    lane hangs in a reply        | endless loop in a reply             | the request is done            | end-to-end/lane-failure    | replaces a lane that hangs in a reply
    lane out of heap             | objects kept until V8 gives up      | the thread alone, no loss      | faults/lanes.faults        | a lane that takes all of its heap
    lane eats memory             | buffers kept outside of the heap    | the thread alone, no loss      | faults/lanes.faults        | a lane that keeps more and more
    poison tick                  | decoder throws at one symbol        | skipped, told as a gap         | end-to-end/lane-failure    | skips a tick at which two lives
    poison client                | snapshot throws for one client      | 1011 for it, nothing for others | end-to-end/lane-failure   | ends a client at whose request
    five deaths in a row         | thread exits five times             | later and later, no loss       | faults/lanes.faults        | a lane that dies five times
    lane fails for a minute      | lives on a fake clock               | /livez asks for a restart      | lanes/lane-supervisor      | a stop tells for how long
    ring wraps under a write     | a client pauses, a tiny ring turns  | bytes stay, the gap is exact   | end-to-end/slow-client     | keeps the bytes of a write
    overruns in tiny rings       | pauses in a storm, lanes exit       | each tick once, or told        | end-to-end/storm           | has no silent error where those who do not read
    log crosses 2^31 and 2^32    | positions begin before them         | a bounded queue                | memory/tick-log            | the tick log carries records
    frames cross 2^31 and 2^32   | positions begin before them         | frames whole, in order         | memory/frame-ring          | the frame ring carries descriptors
    commands cross 2^31 and 2^32 | positions begin before them         | commands whole, in order       | memory/command-ring        | the command ring behaves like a bounded queue
  `,
  Upstream: `
    feed killed                  | kill -9, then another process       | clients stay, gap told         | app/gateway                | ringcast --upstream keeps its clients
    feed restarted 50 times      | connections cut, server closed      | each hole told exactly         | faults/upstream.faults     | a feed that is restarted 50 times
    feed half-open               | SIGSTOP                             | called again, no loss          | faults/upstream.faults     | a feed whose process stands still
    feed accepts, says nothing   | server that never replies           | the call ends                  | sources/grpc/feed-retries  | a feed that is not there is a server that accepts
    feed slow                    | a byte in each HTTP/2 frame         | each tick once                 | faults/upstream.faults     | a feed that sends byte by byte
    garbage                      | seeded random bytes between ticks   | told, no tick lost             | faults/upstream.faults     | random bytes between the ticks
    malformed ticks              | no symbol, 2,000 bytes of symbol    | told as malformed              | end-to-end/upstream        | tells bytes that are no tick
    oversize                     | messages of 17 MiB                  | the exact gap                  | end-to-end/upstream        | goes on behind a batch that is too long
    compressed                   | gzip, a lie about it, a bomb        | read, or the call ends         | faults/upstream.faults     | a feed that compresses
    duplicates                   | ticks twice and three times         | each once                      | end-to-end/upstream        | drops a tick that comes twice
    steps back                   | a count that begins anew            | all delivered, gap told        | end-to-end/upstream        | delivers all of a count
    wild position                | 2^53 - 1 among others               | no false number                | end-to-end/upstream        | delivers what comes behind a wild
  `,
  Overload: `
    burst                        | ten times the ticks of a second     | all delivered                  | faults/overload.faults     | a burst of ten times
    more than lanes can do       | 0.1 ms in the lane for each tick    | feed paused, queue bounded     | faults/overload.faults     | a rate far above that of the lanes
    a third does not read        | 12 of 40 clients pause              | ended; others get all          | faults/overload.faults     | clients that do not read
    herd of reconnects           | all connections cut at once         | all resume                     | faults/overload.faults     | clients that all come back
    file descriptors short       | ulimit -n 192, 300 connections      | told, counted, recovers        | end-to-end/descriptors     | a gateway that may open few files
    main thread stands still     | loop blocked, SIGSTOP, 8 s each     | nobody ended for it            | end-to-end/pause.long      | ends no client, and replaces no lane
    clock steps of an hour       | clock of the system on a fake one   | followed within a second       | common/wall-clock          | follows a step of
    memory limit near            | all rings full                      | below the sum of the bounds    | end-to-end/memory-bounds   | a process whose rings are full
  `,
  'Hostile clients': `
    random bytes and frames      | seeded, 500 connections             | own connection only            | faults/hostile.faults      | random bytes and frames
    broken frames                | 21 sorts, byte for byte             | the right close code           | faults/hostile.faults      | a client whose frames break
    100,000 fragments            | one message                         | ended at the bound             | faults/hostile.faults      | 100,000 fragments
    3,000 headers                | one request                         | 431                            | faults/hostile.faults      | a request with 3,000 headers
    nesting bombs                | 4,200 levels, compressed, too       | refused, client goes on        | end-to-end/hostile         | a message nested thousands
    compression bomb             | small message, large when inflated  | 1009                           | end-to-end/compression     | compression bounds a message
    ping and command floods      | 50,000 frames at once               | 1008, replies bounded          | end-to-end/flood           | a flood of
    replies unread               | pings and messages, never reading   | 1008, 64 replies               | clients/client-socket      | a message of a client closes a client with 1008 that does not
    subscribe storms             | changes beyond the budget           | waits, others unharmed         | clients/message-intake     | a client that asks for more work
    slowloris                    | request byte by byte, never done    | 408                            | clients/client-server      | connections that send no request are ended
    half-open connections        | connections that never upgrade      | oldest dropped, clients let in | clients/client-server      | connections that send no request keep
    requests with bodies         | bodies, CONNECT, HTTP/2, TLS        | one answer, then ended         | clients/client-server      | a connection that sends
    half-open peers              | no pong comes                       | cut in time, no other          | clients/heartbeat          | pings end a client
    byte-by-byte readers         | 5 to 120 KB/s from the kernel       | stay, get each tick            | clients/slow-readers       | a client that reads slowly stays at
  `,
  Ends: `
    SIGTERM under load           | 50,000 ticks/s, a client pauses     | 1001 in time, exit code 0      | app/gateway                | ringcast ends with 0 in time
    SIGTERM during the start     | every 100 ms of it                  | ends                           | faults/ends.faults         | a process that gets SIGTERM
    SIGTERM during an outage     | a feed that is down                 | exit code 0                    | app/gateway-schema         | a feed that is down at the start
    SIGKILL and restart          | one of two processes                | clients resume                 | app/processes/processes    | serves one port with two processes
    soak                         | storm after storm, lanes killed     | no growth                      | faults/ends.faults         | a server that lives through
  `,
} as const

/** Rows for which a machine must have minutes, or the faketime library. */
const LONG_TABLES: Partial<Record<keyof typeof TABLES, string>> = {
  Overload: `
    process stands for 70 s      | SIGSTOP, loop blocked, all defaults | nobody ended for it          | faults/pause.faults        | a process that stands still
    clock of a process steps     | faketime: an hour ahead and back    | followed, nobody ended         | faults/clock.faults        | a process whose clock is stepped
  `,
}

/** @param isLong with the rows of `npm run test:faults:long` alone */
export function catalogue(isLong: boolean): FaultRow[] {
  return Object.entries(TABLES).flatMap(([section, text]) => [
    ...rowsOf(section, text),
    ...(isLong ? rowsOf(section, LONG_TABLES[section as keyof typeof TABLES] ?? '') : []),
  ])
}

function rowsOf(section: string, text: string): FaultRow[] {
  const lines = text.split('\n').filter(line => line.includes('|'))
  return lines.map(line => {
    const [fault = '', injected = '', held = '', file = '', test = ''] = line
      .split('|')
      .map(cell => cell.trim())
    return { section, fault, injected, held, file, test }
  })
}

/** The tests of all rows, as vitest takes them: a pattern of full names. */
export function testPattern(rows: readonly FaultRow[]): string {
  const names = rows.map(({ test }) => test.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
  return `^(?:${[...new Set(names)].join('|')})`
}
