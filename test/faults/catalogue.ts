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
  /** Where the guard is without which it does not hold: a file, or a package. */
  readonly guard: string
  readonly file: string
  readonly test: string
}

const TABLES = {
  'Threads and rings': `
    lane killed at random        | thread ended 200 times in a storm   | each tick once, or told        | src/lanes/lane-supervisor       | faults/lanes.faults        | lanes that are killed 200 times
    lane killed at each call     | thrown at each call in turn         | nothing lost or repeated       | workers/lane-commit             | workers/lane-succession    | lanes that die leave nothing undone
    lane dies in a storm         | thread exits within a turn          | each tick once, or told        | src/memory/committed-state      | end-to-end/storm           | has no silent error while lanes die in the midst of that
    lane dies in snapshots       | thread exits within a snapshot      | each snapshot whole            | src/fanout/transfer             | end-to-end/storm           | has no silent error while lanes die in the midst of snap
    lane hangs                   | endless loop in the decoder         | a successor in time, no loss   | src/lanes/hang-watch            | faults/lanes.faults        | a lane that hangs has a successor
    lane hangs in a reply        | endless loop in a reply             | the request is done            | src/lanes/hang-watch            | end-to-end/lane-failure    | replaces a lane that hangs in a reply
    lane out of heap             | objects kept until V8 gives up      | the thread alone, no loss      | src/lanes/lane-pool             | faults/lanes.faults        | a lane that takes all of its heap
    lane eats memory             | buffers kept outside of the heap    | the thread alone, no loss      | workers/lane-memory-watch       | faults/lanes.faults        | a lane that keeps more and more
    poison tick                  | decoder throws at one symbol        | skipped, told as a gap         | src/lanes/crash-suspects        | end-to-end/lane-failure    | skips a tick at which two lives
    poison client                | snapshot throws for one client      | 1011 for it, nothing for others | src/lanes/crash-suspects        | end-to-end/lane-failure    | ends a client at whose request
    five deaths in a row         | thread exits five times             | later and later, no loss       | src/lanes/restart-delay         | faults/lanes.faults        | a lane that dies five times
    lane fails for a minute      | lives on a fake clock               | /livez asks for a restart      | src/lanes/lane-supervisor       | lanes/lane-supervisor      | a stop tells for how long
    ring wraps under a write     | a client pauses, a tiny ring turns  | bytes stay, the gap is exact   | src/fanout/segment-pins         | end-to-end/slow-client     | keeps the bytes of a write
    overruns in tiny rings       | pauses in a storm, lanes exit       | each tick once, or told        | src/fanout/retained-frames      | end-to-end/storm           | has no silent error where those who do not read
    log crosses 2^31 and 2^32    | positions begin before them         | a bounded queue                | src/memory/ring-position        | memory/tick-log            | the tick log carries records
    frames cross 2^31 and 2^32   | positions begin before them         | frames whole, in order         | src/memory/ring-position        | memory/frame-ring          | the frame ring carries descriptors
    commands cross 2^31 and 2^32 | positions begin before them         | commands whole, in order       | src/memory/ring-position        | memory/command-ring        | the command ring behaves like a bounded queue
  `,
  Upstream: `
    feed killed                  | kill -9, then another process       | clients stay, gap told         | src/sources/grpc/grpc-source    | app/gateway                | ringcast --upstream keeps its clients
    feed restarted 50 times      | connections cut, server closed      | each hole told exactly         | src/ingest/feed-positions       | faults/upstream.faults     | a feed that is restarted 50 times
    feed half-open               | SIGSTOP                             | called again, no loss          | src/sources/grpc/stall-timer    | faults/upstream.faults     | a feed whose process stands still
    feed accepts, says nothing   | server that never replies           | the call ends                  | src/sources/grpc/grpc-call      | sources/grpc/feed-retries  | a feed that is not there is a server that accepts
    feed slow                    | a byte in each HTTP/2 frame         | each tick once                 | @grpc/grpc-js                   | faults/upstream.faults     | a feed that sends byte by byte
    garbage                      | seeded random bytes between ticks   | told, no tick lost             | src/ingest/ingest               | faults/upstream.faults     | random bytes between the ticks
    feed cut in a replay         | connections die while old ticks come | each tick once                | src/fanout/past-transfers       | end-to-end/feed-past.long  | a call that is cut in the midst
    feed gone in a replay        | cut, then each call refused         | the replay ends with a gap     | src/fanout/past-transfers       | end-to-end/feed-past.long  | a feed that does not come back
    feed drops what is replayed  | the oldest ticks go meanwhile       | the exact gap                  | src/sources/grpc/feed-records   | end-to-end/feed-past.long  | a feed that drops ticks while
    feed counts anew in a replay | another epoch in the metadata       | told as gone                   | src/sources/grpc/grpc-reading   | end-to-end/feed-past.long  | a feed that counts anew meanwhile
    malformed ticks              | no symbol, 2,000 bytes of symbol    | told as malformed              | src/ingest/offset-counter       | end-to-end/upstream        | tells bytes that are no tick
    oversize                     | messages of 17 MiB                  | the exact gap                  | src/sources/grpc/grpc-target    | end-to-end/upstream        | goes on behind a batch that is too long
    compressed                   | gzip, a lie about it, a bomb        | read, or the call ends         | src/sources/grpc/grpc-target    | faults/upstream.faults     | a feed that compresses
    duplicates                   | ticks twice and three times         | each once                      | src/ingest/feed-positions       | end-to-end/upstream        | drops a tick that comes twice
    steps back                   | a count that begins anew            | all delivered, gap told        | src/ingest/feed-positions       | end-to-end/upstream        | delivers all of a count
    wild position                | 2^53 - 1 among others               | no false number                | src/ingest/feed-positions       | end-to-end/upstream        | delivers what comes behind a wild
  `,
  Overload: `
    burst                        | ten times the ticks of a second     | all delivered                  | src/ingest/flow-control         | faults/overload.faults     | a burst of ten times
    more than lanes can do       | 0.1 ms in the lane for each tick    | feed paused, queue bounded     | src/ingest/flow-control         | faults/overload.faults     | a rate far above that of the lanes
    a third does not read        | 12 of 40 clients pause              | ended; others get all          | src/clients/heartbeat           | faults/overload.faults     | clients that do not read
    herd of reconnects           | all connections cut at once         | all resume                     | src/clients/admission-queue     | faults/overload.faults     | clients that all come back
    file descriptors short       | ulimit -n 192, 300 connections      | told, counted, recovers        | src/common/file-descriptors     | end-to-end/descriptors     | a gateway that may open few files
    main thread stands still     | loop blocked, SIGSTOP, 8 s each     | nobody ended for it            | src/common/patient-clock        | end-to-end/pause.long      | ends no client, and replaces no lane
    clock steps of an hour       | clock of the system on a fake one   | followed within a second       | src/common/wall-clock           | common/wall-clock          | follows a step of
    memory limit near            | all rings full                      | below the sum of the bounds    | src/ingest/flow-control         | end-to-end/memory-bounds   | a process whose rings are full
  `,
  'Hostile clients': `
    random bytes and frames      | seeded, 500 connections             | own connection only            | src/clients/client-socket       | faults/hostile.faults      | random bytes and frames
    broken frames                | 21 sorts, byte for byte             | the right close code           | src/clients/upgrader            | faults/hostile.faults      | a client whose frames break
    100,000 fragments            | one message                         | ended at the bound             | src/clients/upgrader            | faults/hostile.faults      | 100,000 fragments
    3,000 headers                | one request                         | 431                            | src/clients/client-server       | clients/client-server      | a connection that sends 3,000 headers
    nesting bombs                | 4,200 levels, compressed, too       | refused, client goes on        | src/protocol/command-text       | end-to-end/hostile         | a message nested thousands
    compression bomb             | small message, large when inflated  | 1009                           | src/clients/upgrader            | end-to-end/compression     | compression bounds a message
    ping and command floods      | 50,000 frames at once               | 1008, replies bounded          | src/clients/message-quota       | end-to-end/flood           | a flood of
    replies unread               | pings and messages, never reading   | 1008, 64 replies               | src/clients/client              | clients/client-socket      | a message of a client closes a client with 1008 that does not
    subscribe storms             | changes beyond the budget           | waits, others unharmed         | src/clients/message-intake      | clients/message-intake     | a client that asks for more work
    slowloris                    | request byte by byte, never done    | 408                            | src/clients/client-server       | clients/client-server      | connections that send no request are ended
    half-open connections        | connections that never upgrade      | oldest dropped, clients let in | src/common/connection-gate      | clients/client-server      | connections that send no request keep
    requests with bodies         | bodies, CONNECT, HTTP/2, TLS        | one answer, then ended         | src/clients/client-server       | clients/client-server      | a connection that sends
    half-open peers              | no pong comes                       | cut in time, no other          | src/clients/heartbeat           | clients/heartbeat          | pings end a client
    byte-by-byte readers         | 5 to 120 KB/s from the kernel       | stay, get each tick            | src/clients/heartbeat           | clients/slow-readers       | a client that reads slowly stays at
  `,
  Ends: `
    SIGTERM under load           | 50,000 ticks/s, a client pauses     | 1001 in time, exit code 0      | src/broadcaster/shutdown        | app/gateway                | ringcast ends with 0 in time
    SIGTERM during the start     | before and behind its first line    | ends                           | src/app/process-lifetime        | faults/ends.faults         | a process that gets SIGTERM
    SIGTERM during an outage     | a feed that is down                 | exit code 0                    | src/app/process-lifetime        | app/gateway-schema         | a feed that is down at the start
    SIGKILL and restart          | one of two processes                | clients resume                 | src/app/processes/gateway-group | app/processes/processes    | serves one port with two processes
    soak                         | storm after storm, lanes killed     | no growth                      | src/clients/client-registry     | faults/ends.faults         | a server that lives through
  `,
} as const

/** Rows for which a machine must have minutes, or the faketime library. */
const LONG_TABLES: Partial<Record<keyof typeof TABLES, string>> = {
  Overload: `
    process stands for 70 s      | SIGSTOP, loop blocked, all defaults | nobody ended for it            | src/common/patient-clock        | faults/pause.faults        | a process that stands still
    clock of a process steps     | faketime: an hour ahead and back    | followed, nobody ended         | src/common/wall-clock           | faults/clock.faults        | a process whose clock is stepped
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
    const [fault = '', injected = '', held = '', guard = '', file = '', test = ''] = line
      .split('|')
      .map(cell => cell.trim())
    return { section, fault, injected, held, guard, file, test }
  })
}

/** The tests of all rows, as vitest takes them: a pattern of full names. */
export function testPattern(rows: readonly FaultRow[]): string {
  const names = rows.map(({ test }) => test.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
  return `^(?:${[...new Set(names)].join('|')})`
}
