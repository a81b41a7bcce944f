/* SPDX-License-Identifier: MIT */
#include "link/file_copy.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernel/descriptor.h"

#include <errno.h>

int link_check_file(int fd, uint64_t offset, size_t size)
{
    struct descriptor_facts facts;
    uint64_t end;
    int result = descriptor_facts(fd, &facts);

    if (result < 0)
        return error_set(result, "there is no descriptor %d to send from", fd);
    if (facts.kind != DESCRIPTOR_FILE || !facts.reads)
        return error_set(-EINVAL,
                         "enl_send_file needs a regular file open for reading; descriptor %d "
                         "is %s",
                         fd, descriptor_kind_name(facts.kind));
    if (!checked_add_u64(offset, size, &end) || end > facts.size)
        return error_set(-EINVAL, "the file has %llu bytes: not %zu from offset %llu on",
                         (unsigned long long)facts.size, size, (unsigned long long)offset);
    return 0;
}

static int read_file(int fd, uint64_t offset, char *buffer, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t count = descriptor_read_at(fd, buffer + have, size - have, offset + have);

        if (count <= 0 && count != -EINTR)
            return error_set(count == 0 ? -EIO : (int)count,
                             "the file cannot be read at offset %llu",
                             (unsigned long long)(offset + have));
        have += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

ssize_t link_copy_file(struct enl_link *l, int fd, uint64_t offset, size_t size, enl_deadline until)
{
    struct enl_message m;
    ssize_t sent = enl_loan(l, size, until, &m);

    if (sent < 0)
        return sent;
    sent = read_file(fd, offset, m.data, size);
    if (sent == 0 && l->ops->loan != NULL) {
        sent = enl_commit(&m);
        if (sent == 0)
            return (ssize_t)size;
    } else if (sent == 0) { /* of frame=raw a part, perhaps */
        sent = enl_send_message(l, &(struct enl_message){.data = m.data, .size = size}, until);
    }
    enl_cancel(&m);
    return sent;
}
