/* SPDX-License-Identifier: MIT */
/* The lock and its repair (src/sync/lock.c, docs/design/sync.md). Members take the lock some times, change two
 * words that it guards, and may be killed before any step. Nobody is inside with another; who is not told of a death
 * finds both words equal; nobody sleeps for ever.
 *
 * A sleeper's slice ends only after a death, when the word it sees is free or its owner is dead, and not
 * again while it finds the same word: so what needs no death needs no slice, and one that leads to nothing is no help.
 *
 * holds: -
 * thorough: TWO_DEATHS                     the second of who took it from the first, say
 * holds: NO_DEATHS NO_SLICES               without a death no wake-up is lost
 * fails: NO_SLICES                         a sleeper never looks again whether the owner lives
 * fails: NO_PROBE                          a sleeper looks, but takes from nobody
 * fails: NO_DIRTY                          who takes from the dead is not told
 * fails: OWNER_FIRST                       it asks only for the owner that it fell asleep on
 * fails: NO_OWNER_CHECK                    taken from an owner without asking whether it lives
 * fails: NO_DEATHS NO_SLICES NO_ANNOUNCE   who goes to sleep does not say so in the word
 * fails: NO_DEATHS NO_SLICES WOKEN_ALONE   who was woken takes the lock as if nobody else slept
 * fails: NO_DEATHS NO_SLICES KEPT_FOR_NOBODY  a free lock stays kept for sleepers when there are none
 * fails: NO_DEATHS NO_SLICES NO_SECOND_WAKE   nobody wakes who fell asleep before that was taken back */
/* three members */
#ifdef NO_DEATHS
#define ROUNDS 2
#define DEATHS 0
#else
#define ROUNDS 1
#ifdef TWO_DEATHS
#define DEATHS 2
#else
#define DEATHS 1
#endif
#endif

/* the word: the owner's number in the lowest bits */
#define OWNER(w) ((w) & 3)
#define WAITERS 4
#define STARVING 8
#define DIRTY 16
#define NOTHING 255

#ifdef OWNER_FIRST
#define ASKS (OWNER(word) == OWNER(seen))
#define FORGET(x) skip
#else
#define ASKS true
#define FORGET(x) x = 0
#endif

byte word;
bool dies[4], dead[4], asleep[4];
byte inside; /* who is, for the check alone */
bit a, b;    /* what the lock guards */
byte deaths;

/* futex_wake(word, 1): any of the sleepers */
inline wake() /* in next: how many */
{
    atomic {
        next = 0;
        if
        :: asleep[1] -> asleep[1] = false; next = 1
        :: asleep[2] -> asleep[2] = false; next = 1
        :: asleep[3] -> asleep[3] = false; next = 1
        :: !asleep[1] && !asleep[2] && !asleep[3]
        fi
    }
}

inline taken(as_if)
{
    next = me | (as_if & (DIRTY | WAITERS));
#ifndef WOKEN_ALONE
    if
    :: slept -> next = next | WAITERS
    :: else
    fi;
#endif
    if /* is_starving(): time is not modelled, so it may or may not be */
    :: (as_if & STARVING) && slept -> next = next | STARVING
    :: true
    fi
}

/* Each step is one access to shared memory and what is done with it in private; a member is killed between any
 * two. What it need not remember is forgotten, to keep the states few. */
proctype member(byte me)
{
    byte round, seen, next, slice_word = NOTHING;
    bool slept, asks, told;

    {
        do
        :: round == ROUNDS -> break
        :: else ->
           atomic { /* lock_try_fast() */
               round++;
               if
               :: word == 0 -> word = me; goto taken_it
               :: else
               fi
           }
again:     /* step() */
           atomic {
               seen = word;
               if
               :: seen != slice_word -> slice_word = NOTHING
               :: else
               fi;
               if
               :: OWNER(seen) == 0 && (!(seen & STARVING) || slept) -> taken(seen)
#ifndef NO_PROBE
#ifdef NO_OWNER_CHECK
               :: OWNER(seen) != 0 && asks ->
#else
               :: OWNER(seen) != 0 && asks && dead[OWNER(seen)] ->
#endif
                  taken(seen);
#ifndef NO_DIRTY
                  next = next | DIRTY
#endif
#endif
               :: else -> next = NOTHING
               fi
           }
           atomic {
               if
               :: next == NOTHING
               :: next != NOTHING && word == seen -> word = next; told = (next & DIRTY) != 0; goto taken_it
               :: else -> goto again
               fi;
               /* announce() */
               next = seen;
#ifndef NO_ANNOUNCE
               next = next | WAITERS;
#endif
               if
               :: slept -> next = next | STARVING
               :: true
               fi;
               if
               :: word == seen -> word = next; seen = next
               :: else -> next = 0; goto again
               fi
           }
           atomic { /* the kernel looks at the word again */
               next = 0;
               slept = true;
               asks = false;
               if
               :: word == seen -> asleep[me] = true; FORGET(seen)
               :: else -> goto again
               fi
           }
           if
           :: !asleep[me] -> goto again
#ifndef NO_SLICES
           :: atomic { deaths > 0 && word != slice_word && (OWNER(word) == 0 || dead[OWNER(word)]) ->
                       asleep[me] = false; asks = ASKS; slice_word = word; goto again }
#endif
           fi;
taken_it:
           atomic {
               assert(inside == 0 || dead[inside]);
               inside = me;
               seen = 0;
               next = 0;
               slept = false;
               asks = false;
               slice_word = NOTHING
           }
           if
           :: told -> /* puts in order, then says so */
              b = a;
              word = word & ~DIRTY;
              told = false
           :: else -> assert(a == b)
           fi;
           a = 1 - a;
           b = 1 - b;
           atomic { /* lock_release_fast(), lock_release() */
               inside = 0;
               seen = word & (STARVING | WAITERS);
               assert(OWNER(word) == me);
               if
               :: seen & STARVING -> word = STARVING | WAITERS
               :: else -> word = 0
               fi
           }
           if
           :: seen != 0 -> wake()
           :: else
           fi;
#ifndef KEPT_FOR_NOBODY
           if
           :: (seen & STARVING) && next == 0 -> /* wake_starving(): nobody was woken */
              atomic {
                  if
                  :: word == (STARVING | WAITERS) -> word = 0
                  :: else -> seen = 0
                  fi
              }
#ifndef NO_SECOND_WAKE
              if
              :: seen != 0 -> wake()
              :: else
              fi
#endif
           :: else
           fi;
#endif
           seen = 0;
           next = 0
        od;
        goto finished
    } unless { dies[me] };
    atomic { dead[me] = true; asleep[me] = false };
finished:
    skip
}

/* SIGKILL; the lease goes with the process, before anybody is told */
active proctype killer()
{
    byte victim;

    do
    :: deaths < DEATHS ->
       if
       :: victim = 1
       :: victim = 2
       :: victim = 3
       fi;
       atomic {
           if
           :: !dies[victim] -> dies[victim] = true; deaths++
           :: else
           fi
       }
    :: break
    od
}

init
{
    atomic {
        run member(1);
        run member(2);
        run member(3)
    }
}
