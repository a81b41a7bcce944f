/* SPDX-License-Identifier: MIT */
/* System V semaphore sets. */
#include "kernel/svsem.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/svrecord.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 50000000 /* how late an interrupt from another thread is seen at most */

/* libc's semtimedop may copy the timeout, which interrupt_arm() must reach, before the call: it is made directly. */
#ifdef SYS_semtimedop_time64
#define SEMTIMEDOP SYS_semtimedop_time64
#else
#define SEMTIMEDOP SYS_semtimedop
#endif

struct wait_timeout { /* as the kernel takes it, on 32 bit too */
    int64_t seconds;
    int64_t nanoseconds;
};

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static_assert(sizeof(struct svsem_operation) == sizeof(struct sembuf) && SVSEM_UNDO == SEM_UNDO,
              "they go to the kernel");
static_assert(offsetof(struct svsem_operation, flags) == offsetof(struct sembuf, sem_flg), "so");

void svsem_limits(struct svsem_limits *ret_limits)
{
    struct seminfo info = {.semmsl = 32000, .semmns = 1024000000, .semopm = 500, .semmni = 32000};

    (void)semctl(0, 0, IPC_INFO, (union semun){.info = &info});
    *ret_limits = (struct svsem_limits){.set = (unsigned)info.semmsl,
                                        .all = (unsigned)info.semmns,
                                        .operations = (unsigned)info.semopm,
                                        .sets = (unsigned)info.semmni};
}

/* ---- sets ------------------------------------------------------------------------------------------------- */

static int refuse_new(int result, unsigned count)
{
    struct svsem_limits limits;

    svsem_limits(&limits);
    if (result == -EINVAL && count > limits.set)
        return error_set(-EINVAL,
                         "a set of %u semaphores is above the first number of /proc/sys/kernel/sem "
                         "(semmsl), %u: ask for fewer, or raise it",
                         count, limits.set);
    if (result == -ENOSPC)
        return error_set(-ENOSPC,
                         "there are as many sets (%u) or semaphores (%u) as /proc/sys/kernel/sem "
                         "allows (semmni, semmns): remove some (ipcs -s, ipcrm), or raise them",
                         limits.sets, limits.all);
    return result;
}

int svsem_create(int32_t key, unsigned count, uint32_t mode, int *ret_id)
{
    int id = semget(key, (int)count, (key == IPC_PRIVATE ? 0 : IPC_CREAT | IPC_EXCL) | (int)mode);

    if (id < 0)
        return refuse_new(-errno, count);
    *ret_id = id;
    return 0;
}

int svsem_open(int32_t key, unsigned count, int *ret_id)
{
    int id = semget(key, (int)count, 0);

    if (id < 0 && errno == EINVAL)
        return error_set(-EINVAL, "the set has fewer than %u semaphores", count);
    if (id < 0)
        return -errno;
    *ret_id = id;
    return 0;
}

static int control_record(int id, int command, void *record)
{
    return semctl(id, 0, command, (union semun){.buf = record});
}

static const struct svrecord_kind set = {.control = control_record,
                                         .stat_any = SEM_STAT_ANY,
                                         .permissions = offsetof(struct semid_ds, sem_perm),
                                         .gone = "the semaphore set has been removed"};

static int removed(void)
{
    return error_note(-EIDRM, set.gone);
}

/* Of one semaphore, where the call has a number and no record. */
static int control(int id, unsigned index, int command, union semun argument)
{
    int result = semctl(id, (int)index, command, argument);

    if (result >= 0)
        return result;
    return errno == EINVAL || errno == EIDRM ? removed() : -errno;
}

int svsem_remove(int id)
{
    return svrecord_control(&set, id, IPC_RMID, NULL);
}

/* ---- operations --------------------------------------------------------------------------------------------- */

/* Whether the index that a call was refused for is one: the kernel says EFBIG. */
static int refuse_operations(int id, int result, const struct svsem_operation operations[],
                             size_t count)
{
    struct svsem_limits limits;
    struct svsem_facts facts = {.count = 0};

    svsem_limits(&limits);
    switch (result) {
    case -EIDRM:
    case -EINVAL:
        return removed();
    case -EFBIG:
        (void)svsem_facts(id, &facts);
        for (size_t i = 0; i < count; i++)
            if (operations[i].index >= facts.count)
                return error_set(-EINVAL, "the set has no semaphore %u: it has %u, from 0 on",
                                 (unsigned)operations[i].index, facts.count);
        return removed();
    case -E2BIG:
        return error_set(-E2BIG,
                         "%zu operations at once are above the third number of "
                         "/proc/sys/kernel/sem (semopm), %u: ask for fewer, or raise it",
                         count, limits.operations);
    case -ERANGE:
        return error_set(-ERANGE,
                         "the value, or what would have to be undone, would be above %d (semvmx), "
                         "which is fixed",
                         SVSEM_VALUE_MOST);
    case -ENOSPC:
    case -ENOMEM:
        return error_set(result, "the kernel has no memory for what would have to be undone");
    case -EACCES:
        return error_set(-EACCES, "this user may not: see the set's mode and owner");
    default:
        return error_set(result, "the set does not take the operations: %s", strerror(-result));
    }
}

static int operate_now(int id, const struct svsem_operation operations[], size_t count)
{
    struct sembuf now[SVSEM_OPERATIONS_MOST];

    memcpy(now, operations, count * sizeof now[0]);
    for (size_t i = 0; i < count; i++)
        now[i].sem_flg = (short)(now[i].sem_flg | IPC_NOWAIT);
    return semop(id, now, count) == 0 ? 0 : -errno;
}

/* One sleep. -EAGAIN: it took until the end of it. */
static int operate_slice(int id, const struct svsem_operation operations[], size_t count,
                         int64_t left_ns, struct interrupt *who)
{
    bool armed = who != NULL && thread_is_alone();
    struct timespec left =
        deadline_timespec(who == NULL || armed || left_ns < SLICE_NS ? left_ns : SLICE_NS);
    struct wait_timeout timeout = {.seconds = left.tv_sec, .nanoseconds = left.tv_nsec};
    int result = armed ? interrupt_arm(who, &timeout.nanoseconds) : 0;

    if (result == 0 && syscall(SEMTIMEDOP, id, operations, count, &timeout) < 0)
        result = -errno;
    if (armed)
        interrupt_disarm(who);
    return result;
}

static bool must_sleep(int result)
{
    return result == -EAGAIN || result == -EINTR || result == -ECANCELED;
}

int svsem_operate(int id, const struct svsem_operation operations[], size_t count,
                  enl_deadline until, struct interrupt *who)
{
    int result;

    if (count > SVSEM_OPERATIONS_MOST)
        return error_set(-E2BIG, "%zu operations at once are too many: at most %d", count,
                         SVSEM_OPERATIONS_MOST);
    result = operate_now(id, operations, count);
    if (result == -EAGAIN && until == ENL_NOW)
        return error_note(-EAGAIN, "the semaphores do not allow it now");
    while (must_sleep(result)) {
        int64_t left_ns = deadline_left_ns(until, clock_now_ns());

        if (who != NULL && interrupt_raised(who))
            return error_note(-ECANCELED, "interrupted");
        if (left_ns == 0)
            return error_note(-ETIMEDOUT, "the deadline passed");
        result = operate_slice(id, operations, count, left_ns, who);
        /* a handler that interrupts makes the timeout one that is none */
        if (result == -EINVAL && who != NULL && interrupt_raised(who))
            result = -ECANCELED;
    }
    return result == 0 ? 0 : refuse_operations(id, result, operations, count);
}

int svsem_raise_from_zero(int id, unsigned count, unsigned value)
{
    struct sembuf steps[SVSEM_OPERATIONS_MOST];
    size_t used = 0;

    if (count > SVSEM_OPERATIONS_MOST / 2)
        return error_set(-E2BIG,
                         "%u semaphores cannot be given their value= at once, %d can: leave it out",
                         count, SVSEM_OPERATIONS_MOST / 2);
    for (unsigned i = 0; i < count; i++) {
        steps[used++] = (struct sembuf){.sem_num = (unsigned short)i, .sem_flg = IPC_NOWAIT};
        steps[used++] = (struct sembuf){.sem_num = (unsigned short)i,
                                        .sem_op = (short)value,
                                        .sem_flg = IPC_NOWAIT};
    }
    if (semop(id, steps, used) == 0)
        return 0;
    return errno == EAGAIN
               ? -EAGAIN
               : refuse_operations(id, -errno, (const struct svsem_operation *)(void *)steps, used);
}

/* ---- records ------------------------------------------------------------------------------------------------ */

int svsem_state(int id, unsigned index, struct svsem_state *ret_state)
{
    static const int commands[] = {GETVAL, GETNCNT, GETZCNT, GETPID};
    int answers[4] = {0};

    for (size_t i = 0; i < 4; i++) {
        answers[i] = control(id, index, commands[i], (union semun){.val = 0});
        if (answers[i] < 0)
            return answers[i];
    }
    *ret_state = (struct svsem_state){.value = (uint32_t)answers[0],
                                      .waiters = (uint32_t)answers[1],
                                      .zero_waiters = (uint32_t)answers[2],
                                      .pid = answers[3]};
    return 0;
}

int svsem_set_value(int id, unsigned index, unsigned value)
{
    int result = -ERANGE;

    if (value <= SVSEM_VALUE_MOST)
        result = control(id, index, SETVAL, (union semun){.val = (int)value});
    if (result == -ERANGE)
        return error_set(-ERANGE, "the value %u is above %d (semvmx), which is fixed", value,
                         SVSEM_VALUE_MOST);
    return result;
}

int svsem_facts(int id, struct svsem_facts *ret_facts)
{
    struct semid_ds record = {0};
    int result = svrecord_read(&set, id, &record);

    if (result < 0)
        return result;
    *ret_facts = (struct svsem_facts){
        .count = (unsigned)record.sem_nsems,
        .operation_time = record.sem_otime,
        .change_time = record.sem_ctime,
        .mode = record.sem_perm.mode & 0777,
        .uid = record.sem_perm.uid,
        .gid = record.sem_perm.gid,
    };
    return 0;
}

int svsem_set_mode(int id, uint32_t mode)
{
    return svrecord_set_mode(&set, id, &(struct semid_ds){.sem_nsems = 0}, mode);
}

int svsem_set_owner(int id, uint32_t uid, uint32_t gid)
{
    return svrecord_set_owner(&set, id, &(struct semid_ds){.sem_nsems = 0}, uid, gid);
}
