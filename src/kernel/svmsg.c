/* SPDX-License-Identifier: MIT */
/* System V message queues. */
#include "kernel/svmsg.h"

#include "base/error.h"
#include "kernel/guarded.h"
#include "kernel/svrecord.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>

#define COPY 040000 /* MSG_COPY, which musl does not name */

static_assert(SVMSG_CUT == MSG_NOERROR && SVMSG_ALL_BUT == MSG_EXCEPT, "they go to the kernel");

void svmsg_limits(struct svmsg_limits *ret_limits)
{
    struct msginfo info = {.msgmax = 8192, .msgmnb = 16384, .msgmni = 32000};

    (void)msgctl(0, IPC_INFO, (struct msqid_ds *)(void *)&info);
    *ret_limits = (struct svmsg_limits){.largest = (size_t)info.msgmax,
                                        .capacity = (size_t)info.msgmnb,
                                        .queues = (size_t)info.msgmni};
}

int svmsg_key(const char *path, int number, int32_t *ret_key)
{
    key_t key = ftok(path, number);

    if (key == -1)
        return -errno;
    *ret_key = key;
    return 0;
}

/* ---- queues --------------------------------------------------------------------------------------------- */

int svmsg_create(int32_t key, uint32_t mode, int *ret_id)
{
    int id = msgget(key, (key == IPC_PRIVATE ? 0 : IPC_CREAT | IPC_EXCL) | (int)mode);
    struct svmsg_limits limits;

    if (id < 0 && errno == ENOSPC) {
        svmsg_limits(&limits);
        return error_set(-ENOSPC,
                         "there are as many queues as /proc/sys/kernel/msgmni allows, %zu: remove "
                         "some, or raise it: sysctl kernel.msgmni=%zu",
                         limits.queues, limits.queues * 2);
    }
    if (id < 0)
        return -errno;
    *ret_id = id;
    return 0;
}

int svmsg_open(int32_t key, unsigned access, int *ret_id)
{
    int id = msgget(key, svrecord_wanted(access));

    if (id < 0)
        return -errno;
    *ret_id = id;
    return 0;
}

static int control(int id, int command, void *record)
{
    return msgctl(id, command, record);
}

static const struct svrecord_kind queue = {.control = control,
                                           .stat_any = MSG_STAT_ANY,
                                           .permissions = offsetof(struct msqid_ds, msg_perm),
                                           .gone = "the queue has been removed"};

static int removed(void)
{
    return error_note(-EIDRM, queue.gone);
}

int svmsg_remove(int id)
{
    return svrecord_control(&queue, id, IPC_RMID, NULL);
}

/* ---- messages ------------------------------------------------------------------------------------------- */

static int send_refused(size_t size)
{
    struct svmsg_limits limits;

    svmsg_limits(&limits);
    if (size <= limits.largest)
        return removed();
    return error_set(-EMSGSIZE,
                     "a message of %zu bytes is above /proc/sys/kernel/msgmax, which is %zu by "
                     "now: raise it: sysctl kernel.msgmax=%zu",
                     size, limits.largest, size);
}

ssize_t svmsg_send(int id, const struct svmsg_message *m, size_t size, const atomic_int *unless)
{
    if (msgsnd(id, m, size, unless == NULL ? IPC_NOWAIT : 0) == 0)
        return (ssize_t)size;
    if (errno == EINVAL && unless != NULL && atomic_load_explicit(unless, memory_order_relaxed))
        return -EINTR; /* a handler has made the type one that is none */
    if (errno == EINVAL)
        return send_refused(size);
    return errno == EIDRM ? removed() : -errno;
}

ssize_t svmsg_receive(int id, struct svmsg_message *m, size_t size,
                      const struct svmsg_selector *selector, const atomic_int *unless)
{
    long type = selector->type;
    long result;

    if (unless != NULL) {
        result =
            guarded_call(unless, SYS_msgrcv,
                         (const long[5]){id, (long)m, (long)size, type, (long)selector->flags});
    } else {
        result = msgrcv(id, m, size, type, (int)selector->flags | IPC_NOWAIT);
        result = result >= 0 ? result : -errno;
    }
    if (result >= 0)
        return result;
    if (result == -ENOMSG)
        return -EAGAIN;
    return result == -EIDRM || result == -EINVAL ? removed() : result;
}

ssize_t svmsg_peek(int id, size_t index, struct svmsg_message *m, size_t size)
{
    ssize_t count = msgrcv(id, m, size, (long)index, COPY | IPC_NOWAIT);

    if (count >= 0)
        return count;
    if (errno == ENOMSG)
        return -EAGAIN;
    if (errno == ENOSYS)
        return error_set(-ENOSYS, "this kernel was built without the means to look at messages "
                                  "and leave them (CONFIG_CHECKPOINT_RESTORE)");
    return errno == EINVAL || errno == EIDRM ? removed() : -errno;
}

/* ---- records -------------------------------------------------------------------------------------------- */

int svmsg_facts(int id, struct svmsg_facts *ret_facts)
{
    struct msqid_ds record;
    int result = svrecord_read(&queue, id, &record);

    if (result < 0)
        return result;
    *ret_facts = (struct svmsg_facts){
        .messages = record.msg_qnum,
        .bytes = record.__msg_cbytes,
        .capacity = record.msg_qbytes,
        .sender = record.msg_lspid,
        .receiver = record.msg_lrpid,
        .send_time = record.msg_stime,
        .receive_time = record.msg_rtime,
        .change_time = record.msg_ctime,
        .mode = record.msg_perm.mode & 0777,
        .uid = record.msg_perm.uid,
        .gid = record.msg_perm.gid,
    };
    return 0;
}

int svmsg_set_mode(int id, uint32_t mode)
{
    return svrecord_set_mode(&queue, id, &(struct msqid_ds){.msg_qnum = 0}, mode);
}

int svmsg_set_owner(int id, uint32_t uid, uint32_t gid)
{
    return svrecord_set_owner(&queue, id, &(struct msqid_ds){.msg_qnum = 0}, uid, gid);
}

int svmsg_set_capacity(int id, size_t bytes)
{
    struct svmsg_limits limits;
    struct msqid_ds record;
    int result = svrecord_read(&queue, id, &record);

    record.msg_qbytes = bytes;
    if (result == 0)
        result = svrecord_control(&queue, id, IPC_SET, &record);
    svmsg_limits(&limits);
    if (result == -EPERM && bytes > limits.capacity)
        return error_set(-EPERM,
                         "a capacity of %zu bytes is above /proc/sys/kernel/msgmnb, %zu: ask for "
                         "less, or raise it: sysctl kernel.msgmnb=%zu (or be root)",
                         bytes, limits.capacity, bytes);
    return result;
}
