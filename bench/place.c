/* SPDX-License-Identifier: MIT */
/* Where the two processes run. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define SESSION_LEVEL "-15" /* ahead of ordinary work, behind what must not wait */

/* What this process was allowed to use before it was first moved; inherited by its children. */
static cpu_set_t allowed;

static const cpu_set_t *allowed_cpus(void)
{
    if (CPU_COUNT(&allowed) == 0)
        (void)sched_getaffinity(0, sizeof allowed, &allowed);
    return &allowed;
}

const char *place_name(enum place place)
{
    static const char *const names[] = {"split", "same", "free"};

    return names[place];
}

bool place_possible(enum place place)
{
    return CPU_COUNT(allowed_cpus()) >= (place == PLACE_SPLIT ? 2 : 1);
}

/* A number that the kernel tells of a CPU's place in the machine, or -1. */
static int topology(int cpu, const char *what)
{
    char path[96];
    int value = -1;
    FILE *file;

    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, what);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    if (fscanf(file, "%d", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

static bool same_core(int a, int b)
{
    return topology(a, "core_id") >= 0 && topology(a, "core_id") == topology(b, "core_id") &&
           topology(a, "physical_package_id") == topology(b, "physical_package_id");
}

/* The first CPU, and the first one after it that is not another thread of the same core; the
 * next one if there is no such. */
static void choose_cpus(int ret_cpus[2])
{
    int next = -1;

    ret_cpus[0] = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, allowed_cpus()))
            continue;
        if (ret_cpus[0] < 0) {
            ret_cpus[0] = cpu;
        } else if (!same_core(ret_cpus[0], cpu)) {
            ret_cpus[1] = cpu;
            return;
        } else if (next < 0) {
            next = cpu;
        }
    }
    ret_cpus[1] = next >= 0 ? next : ret_cpus[0];
}

void place_cpus(int ret_cpus[2])
{
    static int cpus[2] = {-1, -1};

    if (cpus[0] < 0)
        choose_cpus(cpus);
    ret_cpus[0] = cpus[0];
    ret_cpus[1] = cpus[1];
}

int place_pin(enum place place, enum side side)
{
    cpu_set_t set = *allowed_cpus();
    int cpus[2];

    /* Interrupts prefer the first CPU: what needs but one takes the second. */
    if (place != PLACE_FREE) {
        place_cpus(cpus);
        CPU_ZERO(&set);
        CPU_SET(cpus[place == PLACE_SAME || side == SIDE_PONG], &set);
    }
    return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

bool place_raise_session(void)
{
    ssize_t written = -1;
    int fd;

    if (setsid() < 0)
        return false;
    fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        written = write(fd, SESSION_LEVEL, sizeof SESSION_LEVEL - 1);
        close(fd);
    }
    return written > 0;
}
