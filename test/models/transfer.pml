/*
 * A client joins an audience while ticks flow and lanes die: docs/decisions/0041-commands-have-a-ring-of-their-own.md
 * and 0045-one-transfer.md. Holds: from the offset that its reply names on, the client gets each tick once and in order.
 *
 * The audience has one other member from the beginning, so that frames go out all the time.
 */
#define TICKS 3
#define DEATHS 1

mtype = { FRAME, REPLY }

/* The frame ring: kind, and the tick or the offset of the reply. What a dead lane has published stays in it. */
chan ring = [2] of { mtype, byte }
/* The command ring: the offset up to which the lane must have read before it takes the command. */
chan commands = [1] of { byte }

byte logged = 0 /* ticks in the log */
byte committed = 0 /* where a successor begins to read */
byte sentOffset = 0 /* the last tick that the audience was sent, as the descriptors say */
bit laneRuns = 0
byte deaths = 0

/* The main thread's own. */
bit isInFlight = 0
bit isMember = 0
bit isDone = 0
byte lastOfMember
byte lastOfOther = 0

active proctype feed() {
  do
  :: logged < TICKS -> logged++
  :: logged == TICKS -> break
  od
}

proctype lane() {
  byte offset = committed
  byte after
  do
  :: offset < logged ->
    offset++;
    /* The records that a successor reads again were sent already. */
    if
#ifndef SENT_AGAIN
    :: offset <= sentOffset
    :: offset > sentOffset -> atomic { ring!FRAME(offset); sentOffset = offset }
#else
    :: ring!FRAME(offset); sentOffset = offset
#endif
    fi;
    /* The commit comes behind the publication, and may be missed. */
    if :: committed = offset :: skip fi
#ifdef TAKEN_AT_ONCE
  :: commands?after -> ring!REPLY(offset)
#else
  :: commands?[after] && nempty(commands) ->
    commands?<after>;
    if
    :: offset >= after -> atomic { commands?after; ring!REPLY(offset) }
    :: else -> offset < logged
    fi
#endif
#ifdef COMMIT_BEFORE_PUBLISHING
  :: offset < logged -> committed = offset + 1; if :: deaths < DEATHS -> deaths++; break :: skip fi
#endif
  :: isDone -> break
  :: deaths < DEATHS -> deaths++; break
  od;
  laneRuns = 0
}

inline receive() {
  if
  :: ring?FRAME(what) ->
    assert(what == lastOfOther + 1);
    lastOfOther = what;
    if
    :: isMember -> assert(what == lastOfMember + 1); lastOfMember = what
    :: else
    fi
  :: ring?REPLY(what) ->
    /* A reply to a request that was settled would let the client in twice. */
    assert(isInFlight && !isMember);
    isInFlight = 0;
    isMember = 1;
    lastOfMember = what;
    /* The frames before the reply are all sent: nothing is missing between. */
    assert(what == lastOfOther)
  fi
}

active proctype mainThread() {
  byte what, dropped
  laneRuns = 1;
  run lane();
  do
  :: nempty(ring) -> receive()
  :: !isInFlight && !isMember && laneRuns && empty(commands) ->
    isInFlight = 1;
    commands!logged
  :: isMember && lastOfOther == TICKS && empty(ring) -> isDone = 1; break
  :: laneRuns == 0 ->
#ifdef RESTART_BEFORE_RING_IS_READ
    skip;
#else
    /* All that the lane has published is transmitted first. */
    do :: nempty(ring) -> receive() :: empty(ring) -> break od;
#endif
    if :: nempty(commands) -> commands?dropped :: empty(commands) fi;
    if :: isInFlight -> commands!logged :: !isInFlight fi;
    laneRuns = 1;
    run lane()
  od;
  assert(isMember && lastOfMember == TICKS)
}
