/* SPDX-License-Identifier: MIT */
/* The condition (src/sync/condition.c, docs/design/sync.md). Producers put one thing each and signal, with the mutex;
 * consumers wait until there is one. Anybody may be killed before any step. When nothing more happens, nobody sleeps
 * while there is a thing.
 *
 * Taking the mutex, also from the dead, is the other model's: here it is one step. A sleeper's slice ends only after a death,
 * and only if the number has changed or the mutex has a dead owner: so what needs no death needs no slice.
 *
 * holds: -
 * thorough: TWO_DEATHS
 * holds: NO_DEATHS NO_SLICES               without a death no signal is lost
 * holds: SIGNAL_AFTER NO_DEATHS NO_SLICES  signalling after the mutex was given up
 * fails: SIGNAL_AFTER                      who does that may die in between, and nobody can know
 * holds: BROADCAST
 * holds: BROADCAST NO_DEATHS NO_SLICES
 * fails: NO_SLICES                         a dead waiter, or a dead signaller, takes a wake-up with it
 * fails: NO_LOOK_AT_OWNER                  a sleeper does not see that who would have signalled died with the mutex
 * fails: TWO_DEATHS NO_BROADCAST_AFTER_DEATH          only who finds the dead owner looks again
 * fails: NO_DEATHS NO_SLICES READ_LATE     the number is read after the mutex was given up
 * fails: NO_DEATHS NO_SLICES NO_BIT        a waiter does not say that it may sleep
 * fails: SIGNAL_AFTER NO_DEATHS NO_SLICES NO_SECOND_WAKE  the bit is taken back, and nobody looks again for sleepers
 * fails: NO_DEATHS NO_SLICES CLEARED_FIRST the bit is taken back before anybody is woken */
#ifdef NO_DEATHS
#define DEATHS 0
#else
#ifdef TWO_DEATHS
#define DEATHS 2
#else
#define DEATHS 1
#endif
#endif

#define SLEEPERS 1
#define SIGNAL 2

byte sequence;
bool dies[4], dead[4], asleep[2]; /* consumers are 0 and 1, producers 2 and 3 */
byte owner;                       /* of the mutex: number + 1 */
byte things, deaths;

inline wake_all()
{
    atomic {
        asleep[0] = false;
        asleep[1] = false
    }
}

/* enl_condition_broadcast() */
inline broadcast()
{
    atomic { now = sequence; sequence = (sequence + SIGNAL) & ~SLEEPERS };
    if
    :: now & SLEEPERS -> wake_all()
    :: else
    fi;
    now = 0
}

inline lock_mutex()
{
    atomic { owner == 0 || dead[owner - 1] -> now = owner; owner = me + 1 };
#ifndef NO_BROADCAST_AFTER_DEATH
    if
    :: now != 0 -> broadcast() /* what the dead one may have owed */
    :: else
    fi;
#endif
    now = 0
}

#ifdef NO_LOOK_AT_OWNER
#define DEAD_OWNER false
#else
#define DEAD_OWNER (owner != 0 && dead[owner - 1])
#endif

proctype consumer(byte me)
{
    byte seen, now;

    {
        lock_mutex();
        do
        :: things > 0 -> break
        :: else ->
           /* enl_condition_wait(): the number is read with the mutex */
#ifndef READ_LATE
           seen = sequence;
#endif
           owner = 0;
#ifdef READ_LATE
           seen = sequence;
#endif
#ifndef NO_BIT
           atomic {
               if
               :: sequence == seen -> sequence = sequence | SLEEPERS
               :: else
               fi;
               seen = seen | SLEEPERS
           };
#endif
           /* the kernel looks at the number again */
           atomic {
               if
               :: sequence == seen -> asleep[me] = true
               :: else
               fi
           };
end_asleep:
           if
           :: !asleep[me]
#ifndef NO_SLICES
           :: atomic { deaths > 0 && (sequence != seen || DEAD_OWNER) -> asleep[me] = false }
#endif
           fi;
           seen = 0;
           lock_mutex()
        od;
        things--;
        owner = 0;
        goto finished
    } unless { dies[me] };
    atomic { dead[me] = true; asleep[me] = false };
finished:
    skip
}

proctype producer(byte me)
{
    byte now, next;

    {
        lock_mutex();
        things++;
#ifdef SIGNAL_AFTER
        owner = 0;
#endif
#ifdef BROADCAST
        broadcast();
#else
        /* enl_condition_signal() */
        atomic {
            sequence = sequence + SIGNAL;
            now = sequence;
#ifdef CLEARED_FIRST
            sequence = sequence & ~SLEEPERS
#endif
        };
        if
        :: now & SLEEPERS ->
           atomic { /* futex_wake(&sequence, 1): any of the sleepers; in next: how many */
               if
               :: asleep[0] -> asleep[0] = false; next = 1
               :: asleep[1] -> asleep[1] = false; next = 1
               :: !asleep[0] && !asleep[1] -> next = 0
               fi
           };
           if
           :: next == 0 ->
              atomic {
                  if
                  :: sequence == now -> sequence = now & ~SLEEPERS; next = 1
                  :: else
                  fi
              };
#ifndef NO_SECOND_WAKE
              if
              :: next == 1 -> wake_all()
              :: else
              fi
#endif
           :: else
           fi
        :: else
        fi;
#endif
#ifndef SIGNAL_AFTER
        owner = 0;
#endif
        goto finished
    } unless { dies[me] };
    dead[me] = true;
finished:
    skip
}

/* SIGKILL; the lease goes with the process */
active proctype killer()
{
    byte victim;

    do
    :: deaths < DEATHS ->
       select(victim : 0 .. 3);
       atomic {
           if
           :: !dies[victim] -> dies[victim] = true; deaths++
           :: else
           fi
       }
    :: break
    od
}

/* When nothing more happens. */
active proctype judge()
{
    timeout -> assert(things == 0 || (!asleep[0] && !asleep[1]))
}

init
{
    atomic {
        run consumer(0);
        run consumer(1);
        run producer(2);
        run producer(3)
    }
}
