/* SPDX-License-Identifier: MIT */
/* The bytes of a region's header, in front of its data.
 *
 *   +0     state          0 nothing yet, 1 being made, 2 ready
 *   +4     magic          "ENLR"
 *   +8     version
 *   +12    header_size    REGION_HEADER_SIZE: where the data begins
 *   +16    layout_hash    of name, size and fields of the program's struct; 0: made without a layout
 *   +24    layout_size
 *   +28    field_count    how many the struct has; the first REGION_FIELDS_MOST are below
 *   +32    token          tells it from others; a System V segment's companion file holds the same
 *   +40    create_time    real-time nanoseconds
 *   +48    creator_pid
 *   +64    attach_time    -- from here to +128 written by whoever opens and closes, for statistics alone
 *   +72    detach_time
 *   +80    attach_pid
 *   +84    detach_pid
 *   +128   layout_name    padded with zeros
 *   +256   fields         REGION_FIELDS_MOST of 32 bytes: offset, size, name padded with zeros
 *   +4096  roster         of ROSTER_SLOTS_MAX members (roster_layout.h)
 *   +16384 data
 *
 * Ordering. All but the statistics is written by one process, which holds the lease on byte REGION_MAKING_BYTE (or
 * whose region has no name yet), between state = 1 and the release store of state = 2; it pairs with the acquire
 * load of who opens. From then on it is constant.
 * Crash. A process that dies in between leaves state 0 or 1 and loses the lease: the next one that takes the lease
 * makes the header, and with state 1 zeroes the data, from the beginning. The statistics are single words that
 * nothing is decided by; a death between two of them leaves one of them old. */
#ifndef SHM_REGION_LAYOUT_H
#define SHM_REGION_LAYOUT_H

#include "shm/roster_layout.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define REGION_MAGIC 0x524c4e45u
#define REGION_VERSION 1u
#define REGION_HEADER_SIZE 16384u
#define REGION_ROSTER_OFFSET 4096u
#define REGION_ROSTER_SIZE (REGION_HEADER_SIZE - REGION_ROSTER_OFFSET)
#define REGION_FIELDS_MOST 64u
#define REGION_MAKING_BYTE (ROSTER_LEASE_OFFSET - 1)

#define REGION_STATE_NOTHING 0u
#define REGION_STATE_MAKING 1u
#define REGION_STATE_READY 2u

struct region_field {
    uint32_t offset;
    uint32_t size;
    char name[24];
};

struct region_header {
    _Atomic uint32_t state;
    uint32_t magic;
    uint32_t version;
    uint32_t header_size;
    uint64_t layout_hash __attribute__((aligned(8)));
    uint32_t layout_size;
    uint32_t field_count;
    uint64_t token __attribute__((aligned(8)));
    uint64_t create_time __attribute__((aligned(8)));
    uint32_t creator_pid;
    uint32_t zero_52[3];
    _Atomic uint64_t attach_time __attribute__((aligned(8)));
    _Atomic uint64_t detach_time __attribute__((aligned(8)));
    _Atomic uint32_t attach_pid;
    _Atomic uint32_t detach_pid;
    uint32_t zero_88[10];
    char layout_name[32];
    uint32_t zero_160[24];
    struct region_field fields[REGION_FIELDS_MOST];
};

static_assert(offsetof(struct region_header, layout_hash) == 16, "offsets are fixed");
static_assert(offsetof(struct region_header, token) == 32, "offsets are fixed");
static_assert(offsetof(struct region_header, creator_pid) == 48, "offsets are fixed");
static_assert(offsetof(struct region_header, attach_time) == 64, "offsets are fixed");
static_assert(offsetof(struct region_header, attach_pid) == 80, "offsets are fixed");
static_assert(offsetof(struct region_header, layout_name) == 128, "offsets are fixed");
static_assert(offsetof(struct region_header, fields) == 256, "offsets are fixed");
static_assert(sizeof(struct region_header) == 256 + 32 * REGION_FIELDS_MOST, "the size is fixed");
static_assert(sizeof(struct region_header) <= REGION_ROSTER_OFFSET, "the roster comes behind");
static_assert(sizeof(struct roster_layout) + ROSTER_SLOTS_MAX * sizeof(struct roster_slot) <=
                  REGION_ROSTER_SIZE,
              "the data comes behind the roster");

#endif
