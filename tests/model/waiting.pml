/* SPDX-License-Identifier: MIT */
/* Waiting for messages (docs/design: waiting; src/link/channel_wait.c): one side sends and rings a bell if the other
 * says that it is asleep; that one announces its sleep, looks once more, and sleeps. No message is left
 * lying while its receiver sleeps: that would be an invalid end state here.
 *
 * Bells: an eventfd, watched edge-triggered and never read: a ring is one edge, taken by one epoll_wait; rings that
 * nobody has taken yet are one edge.
 *
 * Blocking mode by default; with FD_MODE the receiver polls the link's descriptor, and each of its calls ends with
 * messages left (its program calls again) or with the edge taken, the sleep announced anew, and another look. With
 * MEMBARRIER the sender does not fence: the sleeper does for both. With DYNAMIC it begins to leave its fences out at any
 * commit, and says so in a word that the sleeper reads; when it finds the other asleep it fences again.
 *
 * holds: -
 * holds: MEMBARRIER
 * holds: FD_MODE
 * holds: FD_MODE MEMBARRIER
 * holds: DYNAMIC
 * holds: FD_MODE DYNAMIC
 * fails: DYNAMIC SAID_AFTER_THE_FENCE      the sleeper does not see that it has to fence for both
 * fails: FD_MODE DYNAMIC SAID_AFTER_THE_FENCE as above
 * fails: DYNAMIC WORD_NOT_READ             the sleeper fences for itself alone
 * fails: NO_FENCE                          the sender looks at the sleeper's word before its message is seen
 * fails: NO_FENCE_OF_THE_SLEEPER           the sleeper looks before its announcement is seen
 * fails: NO_SECOND_LOOK                    the sleeper does not look after its announcement
 * fails: SAME_NUMBER                       the sleeper's word does not change from sleep to sleep
 * fails: MEMBARRIER NOT_REGISTERED         the sleeper fences for itself alone
 * fails: FD_MODE EDGE_TAKEN_LAST          a ring between the look and the taking is taken for an old one
 * fails: FD_MODE NO_FENCE                  as above
 * fails: FD_MODE NO_SECOND_LOOK            as above
 * fails: FD_MODE SAME_NUMBER               as above
 * fails: FD_MODE MEMBARRIER NOT_REGISTERED as above */
#define MESSAGES 4
#define WORD 0     /* the place of the sender's word, or tail */
#define UNFENCED 1 /* the place of the word by which it says that it does not fence */
#define ASLEEP 1
#define STEP 2 /* CHANNEL_SLEEP_STEP is 4, for a bit that does not matter here */

byte tail;   /* the sender's, as the receiver sees it */
byte unfenced;
byte sleep;  /* the receiver's, as the sender sees it */
bool bell;   /* an edge that was not taken */

/* The receiver has one store at most that matters: its sleep. */
bool sleep_pending;
byte sleep_value;

#define VISIBLE(place, value)                                                                      \
    if                                                                                             \
    :: place == WORD -> tail = value                                                               \
    :: else -> unfenced = value                                                                    \
    fi
#include "stores.pml"

inline make_sleep_visible()
{
    sleep = sleep_value;
    sleep_pending = false
}

proctype receivers_memory()
{
end:
    do
    :: atomic { sleep_pending -> make_sleep_visible() }
    od
}

proctype sender()
{
    byte sent, seen, rung;
    bool leaves_out;

    do
    :: sent < MESSAGES ->
       sent++;
       store(WORD, sent, 1);
#ifdef DYNAMIC
       if
       :: leaves_out
       :: !leaves_out -> pending == 0 /* fence */
       :: !leaves_out -> /* for the last time */
#ifdef SAID_AFTER_THE_FENCE
          pending == 0;
          store(UNFENCED, 1, 0);
#else
          store(UNFENCED, 1, 0);
          pending == 0;
#endif
          leaves_out = true
       fi;
#elif !defined(NO_FENCE) && !defined(MEMBARRIER)
       pending == 0; /* fence */
#endif
       seen = sleep;
       if
       :: leaves_out && (seen & ASLEEP) ->
          leaves_out = false;
          store(UNFENCED, 0, 1)
       :: else
       fi;
       if
       :: (seen & ASLEEP) && seen != rung ->
          rung = seen;
          pending == 0; /* a system call is a fence, too */
          bell = true
       :: else
       fi
    :: else -> break
    od
}

inline announce(asleep)
{
    atomic {
        !sleep_pending;
#ifdef SAME_NUMBER
        number = STEP;
#else
        if
        :: asleep -> number = number + STEP
        :: else
        fi;
#endif
        sleep_value = number + asleep;
        sleep_pending = true
    }
}

inline fence_of_the_sleeper()
{
    skip;
#ifndef NO_FENCE_OF_THE_SLEEPER
    !sleep_pending;
#if defined(DYNAMIC) && !defined(WORD_NOT_READ)
    if
    :: unfenced -> pending == 0
    :: else
    fi;
#endif
#ifdef MEMBARRIER
#ifndef NOT_REGISTERED
    pending == 0 /* the sender's processor passes a fence, too */
#endif
#endif
#endif
}

inline take_all()
{
    do
    :: received < tail -> received++
    :: else -> break
    od
}

/* ---- blocking mode ----------------------------------------------------------------------------------- */

#ifndef FD_MODE
proctype receiver()
{
    byte received, number;

    do
    :: received == MESSAGES -> break
    :: else ->
       take_all();
       if
       :: received == MESSAGES -> break
       :: else
       fi;
       announce(ASLEEP);
       fence_of_the_sleeper();
#ifndef NO_SECOND_LOOK
       if
       :: received < tail
       :: else ->
          bell; /* epoll_wait */
          bell = false
       fi;
#else
       bell;
       bell = false;
#endif
       announce(0)
    od
}
#else
/* ---- the program waits, on the descriptor ------------------------------------------------------------ */

inline announce_and_look()
{
    announce(ASLEEP);
    fence_of_the_sleeper();
#ifdef NO_SECOND_LOOK
    armed = false
#else
    armed = received < tail
#endif
}

proctype receiver()
{
    byte received, number;
    bool armed; /* a call has left messages: the descriptor is made readable anew */

    announce_and_look(); /* the first enl_link_fd() */
    do
    :: received == MESSAGES -> break
    :: else ->
       bell || armed; /* the program polls, then calls */
       if
       :: received < tail ->
          received++;
          armed = true
       :: else -> /* -EAGAIN */
#ifndef EDGE_TAKEN_LAST
          bell = false; /* an epoll_wait that does not block takes the edge */
#endif
          announce_and_look();
#ifdef EDGE_TAKEN_LAST
          bell = false
#endif
       fi
    od
}
#endif

init {
    atomic {
        run memory();
        run receivers_memory();
        run sender();
        run receiver()
    }
}
