/* SPDX-License-Identifier: MIT */
/* The names of signals: "USR1", "SIGUSR1", "RTMIN+2", or a number. */
#ifndef BASE_SIGNAL_NAME_H
#define BASE_SIGNAL_NAME_H

#include "base/choice.h"

#include <stdbool.h>
#include <stddef.h>

#define SIGNAL_NAME_ROOM 16
#define SIGNAL_NUMBER_MAX 64 /* the kernel's, on every machine that this library is for */

/* The number of a signal by its name (with or without "SIG", in letters of any case), by its place among
 * the real-time signals ("RTMIN+2", "RTMAX-1"), or by itself ("34"): 1 to SIGNAL_NUMBER_MAX. 0: there is no
 * such signal, or the C library keeps it for itself. Pure; any thread. */
int signal_name_parse(const char *text, size_t size);

/* The name of a number, without "SIG", in buffer; a real-time signal's from RTMIN on. Gives buffer back. */
const char *signal_name_format(char buffer[SIGNAL_NAME_ROOM], int number);

/* Whether signals of this number queue, each with its value; the others merge. */
bool signal_name_is_realtime(int number);

/* Adds the name of each to what would have been right. */
void signal_name_choices(struct choice *c);

#endif
