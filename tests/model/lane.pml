/* SPDX-License-Identifier: MIT */
/* The lane (src/shm/lane.h): one writes records into a ring, one reads them, and the writer may die between any
 * two steps. Every record whose word was stored is read, whole, once and in order; nothing else is. A pack is a record, too:
 * its messages are its payload, and the reader's head stays before it until the last of them was used.
 *
 * holds: -
 * fails: RELAXED_WORD          a word that may be seen before its payload
 * fails: NO_END                no zero word behind the last record
 * fails: RELAXED_TAIL          a tail that may be seen before the words that it covers
 * fails: HEAD_BEFORE_USE       a record that is given back before it was used
 * fails: NO_LOOK_AT_THE_WORD   a reader that believes the tail alone loses what a dead writer had committed
 * fails: WHOLE_RING            a writer that leaves no unit free behind the last record
 * fails: PREPARES_UNREAD       a word that is set to 0 ahead, where it may not have been read yet */
#define RING 4     /* units */
#define MESSAGES 4 /* each of one unit (no payload) or two */
#define THERE 8    /* a word: THERE + units; a payload: the message's number; 0: nothing */
#define TAIL RING  /* the place of the tail, behind the ring's */

byte ring[RING], tail; /* the writer's segment, as the reader sees it */
byte head;             /* the reader's */
byte committed;        /* whose word was stored */
bool killed, dead;

inline make_visible(place, value)
{
    if
    :: place == TAIL -> tail = value
    :: else -> ring[place] = value
    fi
}
#define VISIBLE(place, value) make_visible(place, value)
#include "stores.pml"

#ifdef RELAXED_WORD
#define WORD_RELEASE 0
#else
#define WORD_RELEASE 1
#endif
#ifdef RELAXED_TAIL
#define TAIL_RELEASE 0
#else
#define TAIL_RELEASE 1
#endif
#ifdef WHOLE_RING
#define ROOM(units) (seen_head + RING - next >= (units))
#else
#define ROOM(units) (seen_head + RING - next > (units))
#endif
#ifdef PREPARES_UNREAD
#define ROOM_AHEAD(units) (true)
#else
#define ROOM_AHEAD(units) ROOM(units)
#endif

inline lane_append()
{
    do /* lane_room, lane_refresh */
    :: ROOM(units) -> break
    :: else -> head != seen_head; seen_head = head
    od;
#ifndef NO_END
    if
    :: next + units != clean -> store((next + units) % RING, 0, 0)
    :: else
    fi;
#endif
    if
    :: units == 2 -> store((next + 1) % RING, number, 0)
    :: else
    fi;
    atomic { store(next % RING, THERE + units, WORD_RELEASE); committed++ };
    next = next + units;
    clean = next
}

inline lane_prepare()
{
    if /* for a next one of the same size, or not at all */
    :: ROOM_AHEAD(units) ->
       clean = next + units;
       store(clean % RING, 0, 0)
    :: skip
    fi
}

proctype writer()
{
    byte number = 1, next, seen_head, units, clean;

    {
        do
        :: number <= MESSAGES ->
           if
           :: units = 1
           :: units = 2
           fi;
           lane_append();
           if /* several may be published at once */
           :: store(TAIL, next, TAIL_RELEASE) /* lane_publish */
           :: number < MESSAGES
           fi;
           lane_prepare();
           number++
        :: else -> break
        od
    } unless {
        killed
    };
    pending == 0;
    dead = true
}

proctype killer()
{
    if
    :: killed = true
    :: skip
    fi
}

inline lane_consume()
{
    if
    :: end == known || end - published >= RING / 4 ->
       published = end;
       head = end
    :: else
    fi
}

proctype reader()
{
    byte cursor, known, published, expected = 1, word, units, end;
    bool last;

    do
    :: last = dead; /* its death was told before this look */
       if /* lane_extend */
       :: atomic { tail > known -> known = tail }
       :: else
       fi;
#ifndef NO_LOOK_AT_THE_WORD
       if /* lane_look */
       :: known == cursor ->
          word = ring[cursor % RING];
          if
          :: word != 0 ->
             assert(word == THERE + 1 || word == THERE + 2);
             known = cursor + word - THERE
          :: else
          fi
       :: else
       fi;
#endif
       if
       :: known == cursor && last -> break
       :: known == cursor && !last -> tail > known || ring[cursor % RING] != 0 || dead
       :: else -> /* lane_next */
          word = ring[cursor % RING];
          assert(word == THERE + 1 || word == THERE + 2);
          units = word - THERE;
          end = cursor + units;
          assert(end <= known);
#ifdef HEAD_BEFORE_USE
          lane_consume();
#endif
          assert(units == 1 || ring[(cursor + 1) % RING] == expected);
          expected++;
#ifndef HEAD_BEFORE_USE
          lane_consume();
#endif
          cursor = end
       fi
    od;
    assert(expected - 1 == committed)
}

init {
    atomic {
        run memory();
        run writer();
        run killer();
        run reader()
    }
}
