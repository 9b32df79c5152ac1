/*
 * The tick log: src/memory/tick-log-writer.ts, tick-log-reader.ts and tick-log-history.ts. A lane reads each record
 * once, and the writer waits for it. A reader of the history takes no part in that: it reads first and asks afterwards
 * whether what it read was still intact. Positions wrap, as those of 32 bits do.
 */
#define RECORDS 9
#define CAPACITY 4
/* The share of the log behind the head in which nothing is overwritten: three of four records. */
#ifdef WHOLE_LOG_IS_SAFE
#define SAFE 4
#else
#define SAFE 3
#endif
/* Positions have four bits, and begin shortly before they wrap. */
#define FIRST 12
#define POSITION(p) ((p) & 15)
#ifdef PLAIN_COMPARISON
#define DISTANCE(from, to) ((to) - (from))
#else
#define DISTANCE(from, to) (((to) - (from) + 16) & 15)
#endif
#define TORN 255
#define REREADS 2

/* Shared memory. Records are written and read without Atomics: TORN while half written. */
byte record[CAPACITY]
byte head = FIRST
byte cursor = FIRST

/* How many records were published, without wrapping: for assertions only. */
byte count = 0

active proctype writer() {
  byte own = FIRST
  byte tail = FIRST
  do
  :: count == RECORDS -> break
  :: else ->
    /* An older cursor is safe: the writer looks again only when it has no room. */
    if
    :: DISTANCE(tail, own) < CAPACITY
    :: else -> DISTANCE(cursor, own) < CAPACITY; tail = cursor
    fi;
#ifdef HEAD_BEFORE_BYTES
    atomic { head = POSITION(own + 1); count++ };
    record[own & 3] = TORN;
    record[own & 3] = count - 1;
#else
    record[own & 3] = TORN;
    record[own & 3] = count;
    atomic { head = POSITION(own + 1); count++ };
#endif
    own = POSITION(own + 1)
  od
}

/* TickLogReader, and the commit of the lane. */
active proctype lane() {
  byte own = FIRST
  byte taken = 0
  do
  :: taken == RECORDS -> break
  :: head != own ->
#ifdef COMMIT_BEFORE_READING
    cursor = POSITION(own + 1);
#endif
    assert(record[own & 3] == taken);
    own = POSITION(own + 1);
    taken++;
#ifndef COMMIT_BEFORE_READING
    cursor = own
#endif
  od
}

/* TickLogHistory */
active proctype history() {
  byte position, behind, seen, expected, times
  for (times : 1 .. REREADS) {
    /* Any record that is safe now; `expected` is what was written there. */
    atomic {
      select(behind : 1 .. SAFE);
      if
      :: behind <= count -> position = POSITION(head - behind + 16); expected = count - behind
      :: else -> behind = 0
      fi
    };
    if
    :: behind > 0 ->
      seen = record[position & 3];
#ifdef NEVER_ASKED
      assert(seen == expected)
#else
      /* isIntact */
      if
      :: DISTANCE(position, head) <= SAFE -> assert(seen == expected)
      :: else
      fi
#endif
    :: else
    fi
  }
}
