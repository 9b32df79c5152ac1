/*
 * Frames from a lane to the main thread: src/memory/frame-ring-writer.ts, frame-ring-reader.ts, and what
 * src/fanout/segment-pins.ts keeps for sockets. A lane may die at any step, and a successor goes on.
 * Holds: the main thread sees each frame whole, once and in order; bytes that the kernel has not taken stay as they
 * are; and no segment is lost, which would end in a deadlock.
 */
#define FRAMES 4
#define SEGMENTS 3
#define DESCRIPTORS 2
#define DEATHS 3
#define TORN 255
#define NONE 254

/* Shared memory. A segment holds one frame. Its bytes are written and read without Atomics: TORN while half written. */
byte segment[SEGMENTS]
byte freeQueue[SEGMENTS]
byte freeHead = SEGMENTS
byte freeTail = 0
byte namedSegment[DESCRIPTORS]
byte namedFrame[DESCRIPTORS]
byte descriptorHead = 0
byte descriptorTail = 0
byte committed = 0 /* the lane's commit point: frames before it are published */

/* The main thread's own. */
byte deaths = 0
bit laneRuns = 1
byte seenFrames = 0
byte pinned = NONE /* the segment that a socket holds */
byte pinnedFrame
byte tail = 0 /* its private copy */

/* The lane may die here. */
#define MAY_DIE if :: deaths < DEATHS -> deaths++; goto ended :: skip fi

proctype lane(byte first) {
  byte frame = first
  byte mine = NONE
  byte head = descriptorHead
  do
  :: frame == FRAMES -> break
  :: else ->
    /* The lane waits for room, then writes. */
    freeTail < freeHead && head - descriptorTail < DESCRIPTORS;
    mine = freeQueue[freeTail % SEGMENTS];
    freeTail++;
    MAY_DIE;
#ifdef PUBLISH_BEFORE_WRITING
    descriptorHead = head + 1;
#endif
    segment[mine] = TORN;
    segment[mine] = frame;
    namedSegment[head % DESCRIPTORS] = mine;
    namedFrame[head % DESCRIPTORS] = frame;
    head++;
    descriptorHead = head;
    frame++;
    MAY_DIE;
    committed = frame
  od;
ended:
  laneRuns = 0
}

inline giveBack(which) {
  freeQueue[freeHead % SEGMENTS] = which;
  freeHead++
}

/* Reads one descriptor and sends its frame. */
inline transmit() {
  byte which, what;
#ifdef RELEASE_BEFORE_READING
  descriptorTail = tail + 1;
#endif
  which = namedSegment[tail % DESCRIPTORS];
  what = namedFrame[tail % DESCRIPTORS];
  tail++;
  assert(what == seenFrames);
  seenFrames++;
  if
  :: /* The kernel takes all bytes. */
    assert(segment[which] == what);
    giveBack(which)
  :: pinned == NONE -> /* The kernel takes the bytes later. */
    pinned = which;
    pinnedFrame = what;
#ifdef GIVE_BACK_WHILE_PINNED
    giveBack(which)
#endif
  fi;
#ifndef RELEASE_BEFORE_READING
  descriptorTail = tail
#endif
}

inline drain() {
  assert(segment[pinned] == pinnedFrame);
#ifndef GIVE_BACK_WHILE_PINNED
  giveBack(pinned);
#endif
  pinned = NONE
}

active proctype mainThread() {
  byte index
  freeQueue[0] = 0; freeQueue[1] = 1; freeQueue[2] = 2;
  run lane(0);
  do
  :: descriptorHead != tail -> transmit()
  :: pinned != NONE -> drain()
  :: laneRuns == 0 && descriptorHead == tail ->
    if
    :: seenFrames == FRAMES -> break
    :: else ->
      /* FrameRingReader.resetAfterLane: also a segment that the lane took and published nothing in becomes free. */
#ifndef NO_RESET
      freeTail = 0;
      freeHead = 0;
      for (index : 0 .. SEGMENTS - 1) {
        if :: index != pinned -> giveBack(index) :: else fi
      }
#endif
      laneRuns = 1;
#ifdef FROM_COMMIT
      /* The descriptors say what was published; the commit may be older. */
      run lane(committed)
#else
      run lane(seenFrames)
#endif
    fi
  od;
  if :: pinned != NONE -> drain() :: else fi
}
