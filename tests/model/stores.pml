/* SPDX-License-Identifier: MIT */
/* The stores of one process that others do not see yet: a processor with the weakest order that C11 allows.
 *
 * A store may become visible before one that was made earlier, unless it is a release (then after all of them) or
 * both are to the same place. A fence waits for all. A process that is killed has made the stores before the
 * kill, and the kernel tells of the death when all of them are visible. Loads are made in program order: those that
 * matter are acquires or depend on one.
 *
 * Who includes this defines VISIBLE(place, value), which makes one store visible. */
#define STORES 5

byte pending;
byte pending_place[STORES];
byte pending_value[STORES];
bit pending_release[STORES];

inline store(place, value, release)
{
    atomic {
        pending < STORES;
        pending_place[pending] = place;
        pending_value[pending] = value;
        pending_release[pending] = release;
        pending++;
    }
}

/* Whether the one may become visible next. */
#define SAME(i, j) (pending_place[i] == pending_place[j])
#define FREE_1 (pending > 1 && !pending_release[1] && !SAME(1, 0))
#define FREE_2 (pending > 2 && !pending_release[2] && !SAME(2, 0) && !SAME(2, 1))
#define FREE_3 (pending > 3 && !pending_release[3] && !SAME(3, 0) && !SAME(3, 1) && !SAME(3, 2))

proctype memory()
{
    byte i;

end:
    do
    :: atomic {
           if
           :: pending > 0 -> i = 0
           :: FREE_1 -> i = 1
           :: FREE_2 -> i = 2
           :: FREE_3 -> i = 3
           fi;
           VISIBLE(pending_place[i], pending_value[i]);
           pending--;
           do
           :: i < pending ->
              pending_place[i] = pending_place[i + 1];
              pending_value[i] = pending_value[i + 1];
              pending_release[i] = pending_release[i + 1];
              i++
           :: else -> break
           od;
           pending_place[pending] = 0;
           pending_value[pending] = 0;
           pending_release[pending] = 0;
           i = 0
       }
    od
}
