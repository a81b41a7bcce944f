/* SPDX-License-Identifier: MIT */
/* What is measured by bench-peers: a channel against each library that was found, in the same wait mode. */
#include "peers/peers.h"
#include "rows.h"

#include <stdio.h>
#include <unistd.h>

void peers_remove_folder(const struct course *c, const char *file)
{
    char path[sizeof c->peer.folder + 16];

    (void)snprintf(path, sizeof path, "%s/%s", c->peer.folder, file);
    (void)unlink(path);
    (void)rmdir(c->peer.folder);
}

/* Both sleep, as the other library does; or (the last) each as it does by itself. */
#define SMALL "channel:?wait=sleep"
#define LARGE "channel:?message=64k&depth=16&wait=sleep"
#define LARGE_LOOK "channel:?message=64k&depth=16"
#define OWN "channel:"

#define ROW(name, own, address, way, pattern, size, wait, place)                                   \
    {                                                                                              \
        name, {&own, address}, {&way, ""}, pattern, size, wait, place                              \
    }
#define ROWS(name, own, way)                                                                       \
    ROW(name, own, SMALL, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SPLIT),                   \
        ROW(name, own, SMALL, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SAME),                \
        ROW(name, own, OWN, way, PATTERN_ROUND_TRIP, 64, WAIT_LOOK, PLACE_SPLIT),                  \
        ROW(name, own, SMALL, way, PATTERN_ONE_WAY, 64, WAIT_SLEEP, PLACE_SPLIT),                  \
        ROW(name, own, SMALL, way, PATTERN_ONE_WAY, 1024, WAIT_SLEEP, PLACE_SPLIT),                \
        ROW(name, own, LARGE, way, PATTERN_ONE_WAY, 65536, WAIT_SLEEP, PLACE_SPLIT),               \
        ROW(name "-adaptive", own, OWN, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SPLIT)
#define PEER(name, way) ROWS(name, way_enlace, way)
/* One that is made for memory of its own, without copies: so is the channel then. Of the rows one way, those in which both
 * look are its own mode: its publisher never sleeps where there is no room. */
#define PEER_IN_PLACE(name, way)                                                                   \
    ROWS(name, way_enlace_in_place, way),                                                          \
        ROW(name, way_enlace_in_place, OWN, way, PATTERN_ONE_WAY, 64, WAIT_LOOK, PLACE_SPLIT),     \
        ROW(name, way_enlace_in_place, LARGE_LOOK, way, PATTERN_ONE_WAY, 65536, WAIT_LOOK,         \
            PLACE_SPLIT)

static const struct extra peers[] = {
    BENCH_PEERS,
};

const struct extra *rows_of_peers(size_t *ret_count)
{
    *ret_count = sizeof peers / sizeof peers[0];
    return peers;
}
