/* SPDX-License-Identifier: MIT */
/* Waiters of a lock that give up, at a deadline or because they are interrupted (src/sync/lock.c; deaths: lock.pml):
 * nobody sleeps for ever, and no free lock is kept for sleepers that do not come, though there are no slices here.
 *
 * holds: -
 * fails: WAKE_KEPT             who gives up has used up a wake-up
 * fails: STARVING_LEFT         a starving one gives up and leaves the free lock kept for nobody
 * fails: WAITERS_FORGOTTEN     who was woken takes the lock and does not say that others may sleep
 * fails: NO_COMPARE            the sleep begins although the word has changed */
#define MEMBERS 3
#define TURNS (self == 2 -> 1 : 2) /* of a member */

#define OWNER(word) ((word) & 3) /* 0: nobody; else the member */
#define WAITERS 8
#define STARVING 16

byte word;
bool asleep[MEMBERS + 1];
byte inside; /* members that have the lock */

/* A failed exchange is a step, too, of which the caller looks again. */
inline exchange(old_word, new_word, ret_done)
{
    d_step {
        if
        :: word == (old_word) ->
           word = new_word;
           ret_done = true
        :: else -> ret_done = false
        fi
    }
}

inline futex_wake_one(ret_woken)
{
    atomic {
        ret_woken = true;
        if
        :: asleep[1] -> asleep[1] = false
        :: asleep[2] -> asleep[2] = false
        :: asleep[3] -> asleep[3] = false
        :: else -> ret_woken = false
        fi
    }
}

/* A free lock is kept for sleepers: if there are none, it must not stay so. */
inline wake_starving(kept_word)
{
    futex_wake_one(done);
    if
    :: !done ->
       exchange(kept_word, (kept_word) & ~(STARVING | WAITERS), done);
       if
       :: done -> futex_wake_one(done)
       :: else
       fi
    :: else
    fi
}

inline futex_wait(old_word)
{
    atomic {
        if
#ifdef NO_COMPARE
        :: true -> asleep[self] = true
#else
        :: word == (old_word) -> asleep[self] = true
        :: else
#endif
        fi
    };
    if
    :: !asleep[self]
    fi
}

/* Of one look at the word: take it from `next`, or sleep. */
inline decide()
{
    d_step {
        seen = word;
        takes = true;
        if
        :: OWNER(seen) == 0 && (!(seen & STARVING) || has_slept) -> next = seen
        :: else -> takes = false
        fi
    }
}

inline take()
{
    d_step {
        next = self | (next & WAITERS) | ((next & STARVING) && is_starving -> STARVING : 0);
#ifndef WAITERS_FORGOTTEN
        next = next | (has_slept -> WAITERS : 0);
#else
        next = next & ~WAITERS;
#endif
        exchange(seen, next, took);
        seen = 0;
        next = 0
    }
}

inline announce()
{
    if
    :: has_slept -> is_starving = true
    :: true
    fi;
    d_step {
        next = seen | WAITERS | (is_starving -> STARVING : 0);
        exchange(seen, next, done);
        if
        :: done ->
           has_slept = true
        :: else
        fi;
        seen = 0
    }
}

/* Member 1 may give up after a sleep. */
inline lock_acquire()
{
    do
    :: took || gave_up -> break
    :: else ->
       decide();
       if
       :: takes -> take()
       :: else ->
          announce();
          if
          :: done ->
             futex_wait(next);
             if
             :: true
             :: self == 1 -> gave_up = true
             fi
          :: else
          fi;
          next = 0
       fi
    od;
#ifndef WAKE_KEPT
    if
    :: gave_up ->
       seen = word;
       if
#ifndef STARVING_LEFT
       :: OWNER(seen) == 0 && (seen & STARVING) -> wake_starving(seen)
#endif
       :: else -> futex_wake_one(done)
       fi
    :: else
    fi;
#endif
    skip;
    d_step { has_slept = false; is_starving = false; takes = false; done = false; gave_up = false; seen = 0 }
}

inline lock_release()
{
    do
    :: d_step {
           seen = word;
           next = ((seen & STARVING) -> (STARVING | WAITERS) : 0)
       };
       assert(OWNER(seen) == self);
       exchange(seen, next, done);
       if
       :: done -> break
       :: else
       fi
    od;
    if
    :: next & STARVING -> wake_starving(next)
    :: !(next & STARVING) && (seen & WAITERS) -> futex_wake_one(done)
    :: else
    fi;
    d_step { seen = 0; next = 0; done = false }
}

proctype member(byte self)
{
    byte seen, next, turn;
    bool has_slept, is_starving, takes, took, gave_up, done;

    do
    :: turn == TURNS -> break
    :: else ->
       turn++;
       lock_acquire();
       if
       :: took ->
          d_step {
              inside++;
              assert(inside == 1);
              took = false
          };
          inside--;
          lock_release()
       :: else
       fi
    od
}

init {
    atomic {
        run member(1);
        run member(2);
        run member(3)
    }
}
