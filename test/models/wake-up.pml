/*
 * Sleep and wake-up of a lane and the main thread: src/memory/lane-wake-up.ts. Holds: no wake-up is lost. A lost one
 * ends in a deadlock, since neither process may end before all turns are taken.
 *
 * The main thread appends records. The lane puts each into a turn of its own, at most TURNS_AHEAD ahead.
 */
#define RECORDS 4
#define TURNS_AHEAD 2

#define AWAKE 0
#define ASLEEP 1
#define ASLEEP_FOR_ROOM 2

/* Shared memory. Each store and load of one of these is one step, as with Atomics. */
byte laneAsleep = AWAKE
bit mainAsleep = 0
byte wakeUps = 0
byte published = 0 /* records in the log */
byte turns = 0 /* turns in the frame ring */
byte consumed = 0 /* turns that the main thread has taken */

/* Atomics.wait: the lane waits until the main thread notifies. */
bit laneWaits = 0
/* Messages on the port of the main thread. */
byte messages = 0

byte taken = 0 /* records that the lane has taken; its own */

#define HAS_RECORD (taken < published)
#define HAS_ROOM (turns - consumed < TURNS_AHEAD)

/* LaneWakeUp.waitUnless */
inline waitUnless(hasWork, flag) {
#ifdef LOOK_BEFORE_FLAG
  if
  :: hasWork
  :: else ->
    seen = wakeUps;
    laneAsleep = flag;
    atomic { if :: wakeUps == seen -> laneWaits = 1 :: else fi };
    laneWaits == 0;
    laneAsleep = AWAKE
  fi
#else
  seen = wakeUps;
  laneAsleep = flag;
  if
  :: hasWork
  :: else ->
#ifdef WAIT_WITHOUT_COUNT
    laneWaits = 1;
#else
    atomic { if :: wakeUps == seen -> laneWaits = 1 :: else fi };
#endif
    laneWaits == 0
  fi;
  laneAsleep = AWAKE
#endif
}

/* MainWakeUp.wake */
inline wakeLane() {
  atomic { was = laneAsleep; laneAsleep = AWAKE };
  if
  :: was != AWAKE ->
    wakeUps++;
    laneWaits = 0
  :: else
  fi
}

/* LaneWakeUp.wakeMain */
inline wakeMain() {
  if
  :: mainAsleep == 1 ->
    atomic { wasAsleep = mainAsleep; mainAsleep = 0 };
    if :: wasAsleep == 1 -> messages++ :: else fi
  :: else
  fi
}

active proctype lane() {
  byte seen
  bit wasAsleep
  do
  :: turns == RECORDS -> break
  :: else ->
    if
    :: HAS_RECORD && HAS_ROOM ->
      taken++;
#ifdef WAKE_BEFORE_PUBLISHING
      wakeMain();
      turns++
#else
      turns++;
      wakeMain()
#endif
    :: HAS_RECORD && !HAS_ROOM -> waitUnless(HAS_ROOM, ASLEEP_FOR_ROOM)
    :: !HAS_RECORD -> waitUnless(HAS_RECORD, ASLEEP)
    fi
  od
}

active proctype mainThread() {
  byte was
  do
  :: consumed == RECORDS -> break
  :: published < RECORDS ->
#ifdef FLAG_BEFORE_PUBLISHING
    if
    :: laneAsleep == ASLEEP -> published++; wakeLane()
    :: else -> published++
    fi
#else
    published++;
    if :: laneAsleep == ASLEEP -> wakeLane() :: else fi
#endif
  :: consumed < turns ->
    consumed++;
#ifndef NO_WAKE_UP_FOR_ROOM
    if :: laneAsleep == ASLEEP_FOR_ROOM -> wakeLane() :: else fi
#endif
    skip
  :: published == RECORDS && consumed == turns && consumed < RECORDS ->
    /* MainWakeUp.sleepUnless; a message ends the sleep of the event loop. */
    mainAsleep = 1;
#ifndef SLEEP_WITHOUT_LOOK
    if
    :: consumed < turns -> mainAsleep = 0
    :: else -> messages > 0; messages--
    fi
#else
    messages > 0; messages--
#endif
  :: messages > 0 -> messages--
  od
}
