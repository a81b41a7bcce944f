/* SPDX-License-Identifier: MIT */
/* Libraries that Debian packages, as ways: what a program that has enlace could use instead. Those that the build has
 * not found are not there. */
#ifndef BENCH_PEERS_PEERS_H
#define BENCH_PEERS_PEERS_H

#include "way.h"

extern const struct way way_zmq; /* what: "", as of all of them */
extern const struct way way_nng;
extern const struct way way_qb;
extern const struct way way_boost;
extern const struct way way_iceoryx; /* in its own memory, as it is made for */

/* What way_make_directory() made, with this file in it, if it is still there. */
void peers_remove_folder(const struct course *c, const char *file);

#endif
