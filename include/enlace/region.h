/* SPDX-License-Identifier: MIT */
/* Regions: memory of several processes behind one call, whatever is behind it.
 *
 *   memfd:NAME      memory without a name: passed over links that pass descriptors, given to children
 *   shm:/NAME       POSIX shared memory, visible to any program
 *   svshm:KEY       System V shared memory, by a number or by svshm:PATH#ID (ftok); svshm: alone has no key
 *   file:PATH       a file or a device
 *   fd:N            what an inherited descriptor names
 *
 * Memory is reserved when a region is made: later no store into it can fail for want of memory.
 * Results are 0, a count, or a negative errno with a text (enl_error_text). Besides what each call lists:
 *   -EINVAL   the caller's mistake          -ENOTSUP  this kind of memory cannot
 *   -ENOSPC, -ENOMEM, -EFBIG, -EPERM, -EAGAIN   a limit; the text names it: "needs X, has Y"
 *
 * Threads. Calls on one region may be made by several threads at once, but for enl_region_grow and
 * enl_region_close. None may be made in a signal handler. What the memory holds is the program's to guard:
 * <enlace/sync.h> has locks for it.
 *
 * fork. A child has the parent's mappings and may go on with a region, and closes it for itself. After
 * exec nothing is left of it but a descriptor that was given. */
#ifndef ENLACE_REGION_H
#define ENLACE_REGION_H

#include <enlace/export.h>
#include <enlace/link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ENL_BEGIN

struct enl_region;

/* ---- what the memory holds ------------------------------------------------------------------------ */

/* A member of the struct that the region holds: ENL_FIELD(struct frame, width). */
struct enl_field {
    const char *name;
    uint32_t offset;
    uint32_t size;
};

#define ENL_FIELD(type, member)                                                                    \
    {                                                                                              \
#member, (uint32_t)offsetof(type, member), (uint32_t)sizeof(((type *)0)->member)           \
    }

/* What a program takes the region's memory for. Who makes a region leaves name, size and fields in a header in
 * front of the data; who opens it with another layout is refused, and told the field that differs. Programs of
 * other word sizes and libcs compare equal if their structs are.
 *
 * init, if there is one, fills new memory, which is zero, before anybody else can open it: its result below 0 is that
 * of the call, and the region is not made. If its process dies, the next one begins again; so it may run in two
 * processes, one of which is then told that the other was first. */
struct enl_layout {
    const char *name; /* of the struct; up to 31 bytes are kept. NULL: "" */
    uint32_t size;    /* of the struct: the region is at least so large */
    uint32_t field_count;
    const struct enl_field *fields;
    int (*init)(void *data, size_t size, void *argument);
    void *argument;
    uint64_t reserved[4];
};

/* ---- open and close ------------------------------------------------------------------------------- */

/* flags besides ENL_READ (needed), ENL_WRITE, ENL_CREATE and ENL_EXCLUSIVE */
#define ENL_HEADER 16u  /* the region has a header of the library's in front of its data */
#define ENL_EXECUTE 32u /* what it holds may be executed */

/* Opens the region at an address, or makes it (ENL_CREATE) with ?size= and ?mode=, whatever the umask; memfd: and
 * svshm: without a key are always made. A region that is there must be as large as asked. On success it is mapped,
 * until enl_region_close.
 *
 * With a layout, or with ENL_HEADER alone, it has a header: it refuses other layouts, lists those who have it open,
 * and can hold objects that need owners (locks). Without, it is bare memory as other programs make it.
 *   -ENOENT      there is none                 -EEXIST  there is one (ENL_EXCLUSIVE)
 *   -EPROTOTYPE  it has another layout: the text names the field
 *   -EBADMSG     it holds something else than its header should
 *   -EAGAIN      it is half made, and who made it is gone: ENL_CREATE finishes it
 *   -EBUSY       it is half made, and who makes it takes longer than two seconds
 *   -ESTALE      its leases are gone (svshm: with a header): remove it */
ENL_PUBLIC int enl_region_open(const char *address, unsigned flags, const struct enl_layout *layout,
                               struct enl_region **ret_region);

/* Makes a region of a descriptor: of a memory file that came over a link or by inheritance, of any file or device
 * that can be mapped. The address is "fd:", with options. On success the region owns fd, else the caller keeps it.
 * flags as above; with ENL_CREATE a file that is empty, or all zero where its header should be, is made a region. The
 * address fd:N does the same for enl_region_open. */
ENL_PUBLIC int enl_region_adopt(int fd, const char *address, unsigned flags,
                                const struct enl_layout *layout, struct enl_region **ret_region);

/* Unmaps it; NULL is allowed. The region itself stays (but what has no name goes with the last user). */
ENL_PUBLIC void enl_region_close(struct enl_region *r);

/* Removes the name, or marks the System V segment: who has the region open keeps it, whoever comes later finds
 * none. -ENOENT; -ENOTSUP for memfd: and fd:. */
ENL_PUBLIC int enl_region_unlink(const char *address);

/* ---- use -------------------------------------------------------------------------------------------- */

ENL_PUBLIC void *enl_region_data(const struct enl_region *r);  /* aligned to 4096 bytes */
ENL_PUBLIC size_t enl_region_size(const struct enl_region *r); /* of the data mapped here */
/* The descriptor, borrowed: to send over a link (enl_message.fds) or to give to a child (enl_give.from_fd). -ENOTSUP of
 * System V segments, which have none. */
ENL_PUBLIC int enl_region_fd(const struct enl_region *r);

/* Copy size bytes out of and into the region, and survive what a plain access does not: where the file was truncated
 * under the mapping, or its device fails, the answer is -ENXIO and no SIGBUS. Costs about a system call or two. */
ENL_PUBLIC int enl_region_read(const struct enl_region *r, size_t offset, void *buffer,
                               size_t size);
ENL_PUBLIC int enl_region_write(struct enl_region *r, size_t offset, const void *data, size_t size);

/* Makes the region at least so large, and maps what it has now; 0 maps what others have added. enl_region_data may
 * say another place then; pointers into the old one stay good, and show the same memory, until enl_region_close.
 * -ENOTSUP of System V segments, devices and private mappings. */
ENL_PUBLIC int enl_region_grow(struct enl_region *r, size_t size);

/* Of size bytes from offset on (0: all to the end), what to expect. */
enum enl_advice {
    ENL_ADVICE_NORMAL,
    ENL_ADVICE_RANDOM,
    ENL_ADVICE_SEQUENTIAL,
    ENL_ADVICE_WILL_NEED,
    ENL_ADVICE_DONT_NEED,
    ENL_ADVICE_HUGE_PAGES,
    ENL_ADVICE_POPULATE, /* have the pages mapped now */
    ENL_ADVICE_LOCK,     /* keep them in memory, until UNLOCK */
    ENL_ADVICE_UNLOCK,
    ENL_ADVICE_NO_DUMP, /* leave them out of core files */
};
ENL_PUBLIC int enl_region_advise(struct enl_region *r, size_t offset, size_t size,
                                 enum enl_advice advice);

/* Waits until what was stored there is in the file (on its disk). Nothing to do, and 0, for memory alone. */
ENL_PUBLIC int enl_region_flush(struct enl_region *r, size_t offset, size_t size);

/* Forbids, for all and for ever, what a memory file otherwise allows. -ENOTSUP of anything else; -EPERM: sealed
 * against seals; -EBUSY: ENL_SEAL_WRITE while a writable mapping exists (this one included: ENL_SEAL_FUTURE_WRITE
 * lets it stay). */
#define ENL_SEAL_SEAL 1u
#define ENL_SEAL_SHRINK 2u
#define ENL_SEAL_GROW 4u
#define ENL_SEAL_WRITE 8u
#define ENL_SEAL_FUTURE_WRITE 16u
ENL_PUBLIC int enl_region_seal(struct enl_region *r, unsigned seals);

/* ---- ask and change ----------------------------------------------------------------------------------- */

/* What is not known is ENL_UNKNOWN. Times are nanoseconds of the real-time clock; the kernel's own of System V
 * segments have whole seconds. */
struct enl_region_stat {
    uint64_t size;            /* of the data, as the object has it now */
    uint64_t mapped_size;     /* as this process has it mapped */
    uint64_t page_size;       /* huge, if it got huge pages of its own */
    uint64_t attached;        /* svshm: attachments; with a header: open handles */
    uint64_t creator_pid;     /* svshm, header */
    uint64_t last_attach_pid; /* header */
    uint64_t last_detach_pid; /* header */
    uint64_t last_user_pid;   /* svshm: of the last attach or detach */
    uint64_t attach_time;     /* svshm, header */
    uint64_t detach_time;     /* svshm, header */
    uint64_t change_time;     /* of its mode, owner or size */
    uint64_t mode;
    uint64_t uid;
    uint64_t gid;
    uint64_t creator_uid; /* svshm */
    uint64_t id;          /* svshm: the segment's number, as in svshm:?id=N */
    uint64_t seals;       /* memfd: ENL_SEAL_... */
    uint64_t created;     /* 1: this handle's open made it, or finished it */
    uint64_t header;      /* 1: it has one */
    uint64_t reserved[8];
};
ENL_PUBLIC int enl_region_stat(struct enl_region *r, struct enl_region_stat *ret_stat);

/* The processes that have the region open now: fills up to count, and returns how many there are. Of svshm: from the
 * kernel (those of other users are seen by root alone), else from the header; -ENOTSUP without one. */
ENL_PUBLIC ssize_t enl_region_users(struct enl_region *r, pid_t ret_pids[], size_t count);

/* ENL_SET_MODE and ENL_SET_OWNER of <enlace/link.h>; -ENOTSUP for others. */
ENL_PUBLIC int enl_region_set(struct enl_region *r, const struct enl_settings *settings);

ENL_END

#endif
