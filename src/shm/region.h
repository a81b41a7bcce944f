/* SPDX-License-Identifier: MIT */
/* The contract between regions and what is behind them. Read this page first.
 *
 * region.c parses addresses, meets or makes the object, maps it and settles its header, once for all. A kind of
 * memory is one `const struct region_backing`; a new one is one file, and one line in region.c. region_use.c and
 * region_stat.c are the calls on an open region.
 *
 * Rules for every slot: results are 0 or negative errnos with a text set (base/error.h). Sizes are those of the whole
 * object, header included. */
#ifndef SHM_REGION_H
#define SHM_REGION_H

#include "base/address.h"
#include "shm/region_layout.h"
#include "shm/roster.h"

#include <enlace/region.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was asked for. */
struct region_plan {
    unsigned flags;
    const struct enl_layout *layout; /* for the time of the opening */
    uint64_t size;                   /* of the object, header included; 0: as it is */
    uint64_t offset;                 /* in the file, where the region begins */
    uint32_t mode;
    bool is_private, populates, wants_huge, locks;
    char *path; /* or the name of a memory file */
    void *at;
    int32_t key;
    int number; /* of the descriptor or the segment, or -1 */
};

struct region_backing {
    struct address_scheme address;
    /* Fills what is the backing's own of r->plan. */
    int (*plan)(struct enl_region *r, const struct address *a);
    /* Opens the object that is there: -ENOENT. NULL: there never is one, it is always made. */
    int (*open)(struct enl_region *r);
    /* Makes it with r->plan.size. Unless it sets r->is_published others cannot see it yet, and it has its size and its
     * memory; else -EEXIST may be the answer. NULL: cannot be made. */
    int (*create)(struct enl_region *r);
    /* Shows it to others. -EEXIST: somebody was first. NULL: nothing to do. */
    int (*publish)(struct enl_region *r);
    /* Removes what create made and others could see, and nothing that came into its place. With create. NULL: they
     * never can. */
    void (*discard)(struct enl_region *r);
    int (*object_size)(struct enl_region *r, uint64_t *ret_size);
    /* Gives it at least this size. NULL: cannot be changed. */
    int (*extend)(struct enl_region *r, uint64_t size);
    int (*map)(struct enl_region *r, size_t size, void **ret_memory);
    void (*unmap)(void *memory, size_t size);
    /* Of regions with a header: opens what leases are held on, as r->lease_fd. -ENOENT, as of the other slots for an
     * object that is there: it was removed meanwhile. NULL: that is r->fd. */
    int (*open_leases)(struct enl_region *r);
    /* While the header is made, and after it was found ready. NULL: nothing to do. */
    int (*mark)(struct enl_region *r);
    int (*check_mark)(struct enl_region *r);
    /* Fills what it knows; region_stat.c has set ENL_UNKNOWN, and fills in what the header knows. */
    int (*stat)(struct enl_region *r, struct enl_region_stat *stat);
    ssize_t (*users)(struct enl_region *r, pid_t ret_pids[], size_t count); /* NULL: the header's */
    int (*set_mode)(struct enl_region *r, uint32_t mode);
    int (*set_owner)(struct enl_region *r, uint32_t uid, uint32_t gid);
    int (*unlink)(struct enl_region *r); /* of a plan alone. NULL: there is no name */
};

/* A mapping that was too small and could not be made longer where it was. */
struct region_outgrown {
    struct region_outgrown *next;
    void *memory;
    size_t size;
};

struct enl_region {
    const struct region_backing *backing;
    struct region_plan plan;
    char what[96];    /* its address without options, for texts */
    int fd;           /* or -1 */
    int lease_fd;     /* of regions with a header; may be fd */
    int id;           /* of a System V segment, or -1 */
    bool is_nameless; /* of a System V segment without a key, that this opening makes */
    bool is_published;
    bool was_made; /* by this opening */
    bool is_huge;
    void *memory;
    size_t memory_size;
    struct region_header *header; /* at memory, or NULL */
    struct roster *roster;        /* of regions with a header */
    struct region_outgrown *outgrown;
};

static inline bool region_writes(const struct enl_region *r)
{
    return (r->plan.flags & ENL_WRITE) != 0;
}

static inline size_t region_header_size(const struct enl_region *r)
{
    return (r->plan.flags & ENL_HEADER) != 0 ? REGION_HEADER_SIZE : 0;
}

/* Maps the whole object, of that size, and sets memory and header. */
int region_map(struct enl_region *r, uint64_t size);
/* Makes what is mapped ready for use: finds a header, or finishes it, and joins. region_settle.c. */
int region_settle(struct enl_region *r);
/* The same for one that nobody else can see yet. */
int region_make_header(struct enl_region *r);
void region_leave(struct enl_region *r);
/* The lease of those who make a header: -EUSERS if somebody has it. */
int region_begin_making(struct enl_region *r, void **ret_lease);
void region_end_making(struct enl_region *r, void *lease);
/* After mapping: pages, locks, advice of the plan. */
int region_prepare(struct enl_region *r, void *memory, size_t size);

/* ---- for the layers above ----------------------------------------------------------------------------- */

/* Who has the region open: for objects in it that need owners. -ENOTSUP without a header, or read-only. It lives as
 * long as the region is open. */
int region_roster(struct enl_region *r, struct roster **ret_roster);
/* The place of an object in the region's data: stays good until the region is closed. -EINVAL: outside, or not a
 * multiple of the alignment. */
int region_object(struct enl_region *r, size_t offset, size_t size, size_t alignment,
                  void **ret_object);

#endif
