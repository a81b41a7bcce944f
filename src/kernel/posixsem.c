/* SPDX-License-Identifier: MIT */
/* The libc's semaphores. */
#include "kernel/posixsem.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/posixsem_sleep.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLICE_NS 50000000
#define FILE_NAME_SIZE (POSIXSEM_NAME_MOST + 16)

struct posixsem {
    sem_t *sem;
    bool is_named;
};

/* Where the libc keeps it. */
#ifdef __GLIBC__
#define FOLDER "/dev/shm/sem."
#else
#define FOLDER "/dev/shm/"
#endif

static void file_of(const char *name, char ret_path[FILE_NAME_SIZE])
{
    (void)snprintf(ret_path, FILE_NAME_SIZE, FOLDER "%s", name + 1);
}

/* ---- making and ending -------------------------------------------------------------------------------------- */

static int new_semaphore(struct posixsem **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret != NULL ? 0 : error_set(-ENOMEM, "no memory for a semaphore");
}

/* The libc obeys the umask. Its file is ours, as we have just made it. */
static int set_mode(const char *name, uint32_t mode)
{
    char path[FILE_NAME_SIZE];

    file_of(name, path);
    return chmod(path, mode) == 0 ? 0 : -errno;
}

int posixsem_create(const char *name, uint32_t mode, unsigned value,
                    struct posixsem **ret_semaphore)
{
    struct posixsem *s;
    int result = new_semaphore(&s);

    if (result < 0)
        return result;
    s->is_named = true;
    s->sem = sem_open(name, O_CREAT | O_EXCL, mode, value);
    if (s->sem == SEM_FAILED) {
        result = -errno;
        free(s);
        return result;
    }
    result = set_mode(name, mode);
    if (result < 0) {
        (void)sem_unlink(name);
        posixsem_close(s);
        return error_set(result, "sem:%s cannot be given its mode", name);
    }
    *ret_semaphore = s;
    return 0;
}

/* The libc maps what it finds under the name, and a first look at what is not there would end this process. */
static int check_size(const char *name)
{
    char path[FILE_NAME_SIZE];
    struct stat facts;

    file_of(name, path);
    if (stat(path, &facts) != 0 || facts.st_size >= (off_t)sizeof(sem_t))
        return 0;
    return error_set(-EBADMSG,
                     "sem:%s has %lld bytes, a semaphore of this libc and width has %zu: remove %s",
                     name, (long long)facts.st_size, sizeof(sem_t), path);
}

int posixsem_open(const char *name, struct posixsem **ret_semaphore)
{
    struct posixsem *s;
    int result = new_semaphore(&s);

    if (result < 0)
        return result;
    s->is_named = true;
    s->sem = sem_open(name, 0);
    if (s->sem == SEM_FAILED) {
        result = -errno;
        free(s);
        return result;
    }
    result = check_size(name);
    if (result < 0) {
        posixsem_close(s);
        return result;
    }
    *ret_semaphore = s;
    return 0;
}

int posixsem_unlink(const char *name)
{
    return sem_unlink(name) == 0 ? 0 : -errno;
}

int posixsem_create_unnamed(unsigned value, struct posixsem **ret_semaphore)
{
    struct posixsem *s;
    int result = new_semaphore(&s);
    void *memory;

    if (result < 0)
        return result;
    memory = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(s);
        return error_set(-ENOMEM, "no memory for a semaphore");
    }
    s->sem = memory;
    (void)sem_init(s->sem, 1, value);
    *ret_semaphore = s;
    return 0;
}

/* An unnamed one is not destroyed: relatives may have it still, and it is nothing but its memory. */
void posixsem_close(struct posixsem *s)
{
    if (s == NULL)
        return;
    if (s->is_named)
        (void)sem_close(s->sem);
    else
        (void)munmap(s->sem, sizeof(sem_t));
    free(s);
}

/* ---- use ---------------------------------------------------------------------------------------------------- */

int posixsem_post(struct posixsem *s)
{
    if (sem_post(s->sem) == 0)
        return 0;
    if (errno == EOVERFLOW)
        return error_set(-EOVERFLOW, "the semaphore's value is %d, the highest that there is",
                         POSIXSEM_VALUE_MOST);
    return error_set(-errno, "this is no semaphore of this libc");
}

int posixsem_wait(struct posixsem *s, enl_deadline until, struct interrupt *who)
{
    if (sem_trywait(s->sem) == 0)
        return 0;
    if (until == ENL_NOW)
        return error_note(-EAGAIN, "the semaphore is 0");
    for (;;) {
        int64_t left_ns = deadline_left_ns(until, clock_now_ns());
        int result;

        if (who != NULL && interrupt_raised(who))
            return error_note(-ECANCELED, "interrupted");
        if (left_ns == 0)
            return error_note(-ETIMEDOUT, "the deadline passed");
        result = posixsem_sleep(s->sem, left_ns < SLICE_NS ? left_ns : SLICE_NS);
        if (result != -ETIMEDOUT && result != -EINTR)
            return result;
        if (sem_trywait(s->sem) == 0)
            return 0;
    }
}

unsigned posixsem_value(struct posixsem *s)
{
    int value = 0;

    (void)sem_getvalue(s->sem, &value);
    return value > 0 ? (unsigned)value : 0;
}

int posixsem_facts(const char *name, uint32_t *ret_mode, uint32_t *ret_uid, uint32_t *ret_gid)
{
    char path[FILE_NAME_SIZE];
    struct stat st;

    file_of(name, path);
    if (stat(path, &st) < 0)
        return -errno;
    *ret_mode = st.st_mode & 0777;
    *ret_uid = st.st_uid;
    *ret_gid = st.st_gid;
    return 0;
}
