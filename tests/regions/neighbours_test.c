/* SPDX-License-Identifier: MIT */
/* Programs that know nothing of enlace see its regions, and it theirs: Python's modules, and bare C. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)
#define PYTHON "/usr/bin/python3"

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* Of this process alone: others may be tested beside it. */
static key_t key(void)
{
    return 0x45000000 + (key_t)getpid();
}

static const char *keyed(const char *options)
{
    static char text[64];

    (void)snprintf(text, sizeof text, "svshm:%#x%s", (unsigned)key(), options);
    return text;
}

/* Runs a script with $1 as the name of what is shared; what it prints is checked. */
static void python(const char *script, const char *name, const char *expected)
{
    const char *const words[] = {PYTHON, "-B", "-c", script, name, NULL};
    struct enl_run_output out;

    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words}, NULL, test_until(), &out));
    CHECK_STR(out.error, "");
    CHECK_STR(out.output, expected);
    CHECK_EQ(out.status.number, 0);
    enl_run_free(&out);
}

static void need_python(const char *module)
{
    char script[100];
    const char *const words[] = {PYTHON, "-B", "-c", script, NULL};
    struct enl_run_output out;
    bool there;

    if (test_is_emulated() || access(PYTHON, X_OK) != 0)
        SKIP("no Python runs here");
    (void)snprintf(script, sizeof script, "import %s", module);
    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words}, NULL, test_until(), &out));
    there = out.status.number == 0;
    enl_run_free(&out);
    if (!there)
        SKIP("Python has no module %s here", module);
}

/* Python before 3.13 removes at its end what it only opened, unless it is told not to. */
#define SHARED                                                                                     \
    "import sys\n"                                                                                 \
    "from multiprocessing import resource_tracker, shared_memory\n"                                \
    "name = sys.argv[1]\n"                                                                         \
    "def keep(m): resource_tracker.unregister(m._name, 'shared_memory')\n"

TEST(pythons_shared_memory_opens_a_region)
{
    const char *name = test_name("python");
    char address[300];
    struct enl_region *r;

    need_python("multiprocessing.shared_memory");
    (void)snprintf(address, sizeof address, "shm:/%s?size=5000", name);
    CHECK_OK(enl_region_open(address, NEW, NULL, &r));
    memcpy(enl_region_data(r), "from C", 6);
    python(SHARED "m = shared_memory.SharedMemory(name)\n"
                  "print(m.size, bytes(m.buf[:6]))\n"
                  "m.buf[:11] = b'from Python'\n"
                  "keep(m); m.close()\n",
           name, "5000 b'from C'\n");
    CHECK_MEM(enl_region_data(r), "from Python", 11);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(address));
}

TEST(a_region_opens_pythons_shared_memory)
{
    const char *name = test_name("python");
    char address[300];
    struct enl_region *r;

    need_python("multiprocessing.shared_memory");
    (void)snprintf(address, sizeof address, "shm:/%s", name);
    python(SHARED "m = shared_memory.SharedMemory(name, create=True, size=5000)\n"
                  "m.buf[:11] = b'from Python'\n"
                  "keep(m); m.close()\n",
           name, "");
    CHECK_OK(enl_region_open(address, BOTH, NULL, &r));
    CHECK_EQ(enl_region_size(r), 5000);
    CHECK_MEM(enl_region_data(r), "from Python", 11);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(address));
}

TEST(pythons_sysv_ipc_attaches_a_region)
{
    struct enl_region *r;

    need_python("sysv_ipc");
    CHECK_OK(enl_region_open(keyed("?size=5000"), NEW, NULL, &r));
    memcpy(enl_region_data(r), "from C", 6);
    python("import sys, sysv_ipc\n"
           "m = sysv_ipc.SharedMemory(int(sys.argv[1], 0))\n"
           "print(m.size, m.read(6), m.number_attached)\n"
           "m.write(b'from Python')\n"
           "m.detach()\n",
           keyed("") + strlen("svshm:"), "5000 b'from C' 2\n");
    CHECK_MEM(enl_region_data(r), "from Python", 11);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
}

TEST(a_region_attaches_what_pythons_sysv_ipc_made)
{
    struct enl_region_stat stat;
    struct enl_region *r;

    need_python("sysv_ipc");
    python("import sys, sysv_ipc\n"
           "m = sysv_ipc.SharedMemory(int(sys.argv[1], 0), sysv_ipc.IPC_CREX, 0o640, 5000)\n"
           "m.write(b'from Python')\n"
           "m.detach()\n",
           keyed("") + strlen("svshm:"), "");
    CHECK_OK(enl_region_open(keyed(""), BOTH, NULL, &r));
    CHECK_OK(enl_region_stat(r, &stat));
    CHECK_EQ(stat.size, 5000);
    CHECK_EQ(stat.mode, 0640);
    CHECK(stat.creator_pid != (uint64_t)getpid());
    CHECK_MEM(enl_region_data(r), "from Python", 11);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
}

/* ---- bare C --------------------------------------------------------------------------------------------------- */

static void attach_bare(void *argument)
{
    int id = shmget(*(key_t *)argument, 0, 0);
    char *data = shmat(id, NULL, 0);

    CHECK_STR(data, "to shmat");
    strcpy(data, "from shmat");
    CHECK_EQ(shmdt(data), 0);
}

TEST(a_bare_program_attaches_a_segment)
{
    struct enl_region *r;
    key_t own = key();

    CHECK_OK(enl_region_open(keyed("?size=100"), NEW, NULL, &r));
    strcpy(enl_region_data(r), "to shmat");
    test_join(test_child(attach_bare, &own));
    CHECK_STR((char *)enl_region_data(r), "from shmat");
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
}

static void make_bare(void *argument)
{
    int fd = shm_open(argument, O_RDWR | O_CREAT | O_EXCL, 0600);
    char *data;

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 6000), 0);
    data = mmap(NULL, 6000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(data != MAP_FAILED);
    strcpy(data + 5000, "from shm_open");
    CHECK_EQ(munmap(data, 6000), 0);
    CHECK_EQ(close(fd), 0);
}

static void look_bare(void *argument)
{
    int fd = shm_open(argument, O_RDONLY, 0);
    struct stat s;
    char text[14];

    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &s), 0);
    CHECK_EQ(s.st_size, 6000);
    CHECK_EQ(pread(fd, text, sizeof text, 5000), sizeof text);
    CHECK_STR(text, "from a region");
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(shm_unlink(argument), 0);
}

TEST(a_bare_program_makes_uses_and_removes_shared_memory)
{
    char address[300];
    struct enl_region *r;

    (void)snprintf(address, sizeof address, "shm:/%s", test_name("bare"));
    test_join(test_child(make_bare, address + strlen("shm:")));
    CHECK_OK(enl_region_open(address, BOTH, NULL, &r));
    CHECK_EQ(enl_region_size(r), 6000);
    CHECK_STR((char *)enl_region_data(r) + 5000, "from shm_open");
    strcpy((char *)enl_region_data(r) + 5000, "from a region");
    enl_region_close(r);
    test_join(test_child(look_bare, address + strlen("shm:")));
    CHECK_EQ(enl_region_open(address, BOTH, NULL, &r), -ENOENT);
}
