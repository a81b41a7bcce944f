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
#define OWN "channel:"

#define ROW(name, address, way, pattern, size, wait, place)                                        \
    {                                                                                              \
        name, {&way_enlace, address}, {&way, ""}, pattern, size, wait, place                       \
    }
#define PEER(name, way)                                                                            \
    ROW(name, SMALL, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SPLIT),                        \
        ROW(name, SMALL, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SAME),                     \
        ROW(name, OWN, way, PATTERN_ROUND_TRIP, 64, WAIT_LOOK, PLACE_SPLIT),                       \
        ROW(name, SMALL, way, PATTERN_ONE_WAY, 64, WAIT_SLEEP, PLACE_SPLIT),                       \
        ROW(name, SMALL, way, PATTERN_ONE_WAY, 1024, WAIT_SLEEP, PLACE_SPLIT),                     \
        ROW(name, LARGE, way, PATTERN_ONE_WAY, 65536, WAIT_SLEEP, PLACE_SPLIT),                    \
        ROW(name "-adaptive", OWN, way, PATTERN_ROUND_TRIP, 64, WAIT_SLEEP, PLACE_SPLIT)

static const struct extra peers[] = {
    BENCH_PEERS,
};

const struct extra *rows_of_peers(size_t *ret_count)
{
    *ret_count = sizeof peers / sizeof peers[0];
    return peers;
}
