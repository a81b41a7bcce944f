/* SPDX-License-Identifier: MIT */
/* The number of a semaphore or event (src/sync/tally.c, docs/design/sync.md). One posts once or twice, two take one each; who is
 * unlucky sleeps again. Anybody may be killed before any step. When nothing more happens, nobody sleeps while there is something
 * to take. Only who saw CROWD has slices, and a slice only ends a sleep that nobody else would: so a lone waiter needs none.
 *
 * HUNGRY, which is about fairness, is left out.
 *
 * holds: -
 * holds: NO_DEATHS NO_SLICES   without a death no slice is ever needed
 * fails: NO_SLICES             a waiter that was woken and died has taken the wake-up of the next one with it
 * fails: NO_CROWD              who came second does not look up
 * fails: WAKE_APART            a poster dies between adding and waking, and the one who sleeps is alone
 * fails: NO_DEATHS NO_SLICES NO_WAITERS   a waiter does not say that it sleeps
 * fails: FORGET_AT_ONCE        WAITERS is taken away also while there is nothing to take */
#ifdef NO_DEATHS
#define DEATHS 0
#else
#define DEATHS 1
#endif
#define POSTS 2 /* at most */

#define WAITERS 1
#define CROWD 2
#define UNIT 4

byte state, waiting, deaths;
bool dies[3], asleep[2]; /* waiters are 0 and 1, the poster is 2 */
chan queue = [2] of { byte }; /* the kernel's, of who sleeps */

inline wake_one()
{
    if
    :: queue ? now -> asleep[now] = false; now = 1
    :: empty(queue) -> now = 0
    fi
}

/* take(): after a sleep the bits are what the count says */
inline take()
{
    next = seen - UNIT;
    if
    :: slept ->
       if
       :: waiting > 1 -> next = next | WAITERS | CROWD
       :: else -> next = next & ~(WAITERS | CROWD)
       fi
    :: else
    fi;
    atomic {
        if
        :: state == seen -> state = next; took = true
        :: else
        fi;
        next = 0
    }
}

proctype waiter(byte me)
{
    byte seen, next, now;
    bool slept, took;

    {
        waiting++;
        do
        :: took -> break
        :: else ->
           seen = state;
           if
           :: seen >= UNIT -> take()
           :: else ->
              /* mark() */
              next = seen | WAITERS;
#ifdef NO_WAITERS
              next = seen;
#endif
#ifndef NO_CROWD
              if
              :: waiting > 1 -> next = next | CROWD
              :: else
              fi;
#endif
              /* the exchange, or nothing to exchange; then the kernel looks at the word again */
              atomic {
                  if
                  :: state == seen -> state = next; now = 1
                  :: else -> now = 0
                  fi
              };
              if
              :: now == 1 ->
                 atomic {
                     if
                     :: state == next -> asleep[me] = true; queue ! me
                     :: else
                     fi
                 };
end_asleep:
                 if
                 :: !asleep[me]
#ifndef NO_SLICES
                 :: atomic { (next & CROWD) && asleep[me] && state >= UNIT && deaths > 0 ->
                        queue ?? eval(me); asleep[me] = false }
#endif
                 fi;
                 slept = true
              :: else
              fi;
              next = 0; now = 0
           fi;
           seen = 0
        od;
        waiting--;
        goto finished
    } unless { dies[me] };
    atomic {
        if
        :: asleep[me] -> queue ?? eval(me); asleep[me] = false
        :: else
        fi
    };
finished:
    skip
}

proctype poster(byte me)
{
    byte seen, posts, now;

    {
        do
        :: posts >= POSTS -> break
        :: break
        :: posts < POSTS ->
           seen = state;
           if
           :: seen & WAITERS ->
#ifdef WAKE_APART
              state = state + UNIT;
#endif
              atomic { /* futex_add_and_wake() */
#ifndef WAKE_APART
                  state = state + UNIT;
#endif
                  wake_one();
                  posts++;
                  seen = 0
              };
              if
              :: now == 0 ->
                 seen = state;
                 /* forget_waiters() */
                 atomic {
                     if
#ifdef FORGET_AT_ONCE
                     :: state == seen -> state = seen & ~(WAITERS | CROWD)
#else
                     :: state == seen && seen >= UNIT -> state = seen & ~(WAITERS | CROWD)
#endif
                     :: else
                     fi;
                     seen = 0
                 }
              :: else -> now = 0
              fi
           :: else ->
              atomic {
                  if
                  :: state == seen -> state = seen + UNIT; posts++
                  :: else
                  fi;
                  seen = 0
              }
           fi
        od;
        goto finished
    } unless { dies[me] };
finished:
    skip
}

/* SIGKILL */
active proctype killer()
{
    if
    :: atomic {
           DEATHS > 0 -> deaths = 1;
           if
           :: dies[0] = true
           :: dies[1] = true
           :: dies[2] = true
           fi
       }
    :: skip
    fi
}

/* When nothing more happens. */
active proctype judge()
{
    timeout -> assert(state < UNIT || (!asleep[0] && !asleep[1]))
}

init
{
    atomic {
        run waiter(0);
        run waiter(1);
        run poster(2)
    }
}
