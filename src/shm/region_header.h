/* SPDX-License-Identifier: MIT */
/* The header in front of a region's data: written once, recognised, compared with what a program expects. */
#ifndef SHM_REGION_HEADER_H
#define SHM_REGION_HEADER_H

#include "shm/region_layout.h"

#include <enlace/region.h>

/* What a header says, or what stands in its place. */
enum region_sight {
    REGION_UNTOUCHED, /* zero: nobody has begun */
    REGION_HALF_MADE, /* begun, and not ended */
    REGION_READY,
    REGION_FOREIGN, /* something else, or another version */
};
enum region_sight region_header_look(const struct region_header *h);

/* Writes the header, from state 1 to just before state 2, over whatever half of one is there. */
void region_header_begin(struct region_header *h, const struct enl_layout *layout);
void region_header_end(struct region_header *h); /* state 2 */

/* Whether a ready one is of this version, and of the layout (NULL: any). -EBADMSG, -EPROTOTYPE with texts; what names
 * the region in them. */
int region_header_check(const struct region_header *h, const struct enl_layout *layout,
                        const char *what);

/* -EINVAL with a text if a program's layout contradicts itself. */
int region_layout_check(const struct enl_layout *layout);

#endif
