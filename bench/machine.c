/* SPDX-License-Identifier: MIT */
/* The machine of a run, from /proc. */
#include "machine.h"

#include "clock.h"
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The value behind the first "name : value" of /proc/cpuinfo that any of names begins. */
static void read_cpu(struct machine *m)
{
    static const char *const names[] = {"model name", "Model", "Hardware", "CPU part"};
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "re");

    (void)snprintf(m->cpu, sizeof m->cpu, "unknown");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');

        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor") != NULL)
            m->virtual_cpus = true;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (colon != NULL && strcmp(m->cpu, "unknown") == 0 &&
                strncmp(line, names[i], strlen(names[i])) == 0)
                (void)snprintf(m->cpu, sizeof m->cpu, "%.*s", (int)sizeof m->cpu - 1, colon + 2);
    }
    fclose(file);
}

/* Clock ticks of all CPUs: at work, and stolen. */
static void read_load(uint64_t *ret_busy, uint64_t *ret_stolen)
{
    unsigned long long user = 0, nice = 0, system = 0, idle, wait, irq = 0, soft = 0, stolen = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (file != NULL) {
        if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                   &idle, &wait, &irq, &soft, &stolen) != 8)
            user = nice = system = irq = soft = stolen = 0;
        fclose(file);
    }
    *ret_busy = user + nice + system + irq + soft;
    *ret_stolen = stolen;
}

void machine_start(struct machine *ret_machine)
{
    struct machine *m = ret_machine;
    time_t now = time(NULL);
    struct utsname names;
    struct tm utc;

    memset(m, 0, sizeof *m);
    read_cpu(m);
    if (uname(&names) == 0)
        (void)snprintf(m->kernel, sizeof m->kernel, "%.64s %.24s", names.release, names.machine);
    m->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    place_cpus(m->cpus);
    if (gmtime_r(&now, &utc) != NULL)
        (void)strftime(m->date, sizeof m->date, "%Y-%m-%dT%H:%MZ", &utc);
    m->start_ns = clock_now();
    read_load(&m->start_busy, &m->start_stolen);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What this process and its ended children used. */
static double own_seconds(void)
{
    struct rusage self, children;

    (void)getrusage(RUSAGE_SELF, &self);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return seconds(self.ru_utime) + seconds(self.ru_stime) + seconds(children.ru_utime) +
           seconds(children.ru_stime);
}

void machine_finish(struct machine *m)
{
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    double all = (double)(clock_now() - m->start_ns) / 1e9 * m->cores;
    uint64_t busy, stolen;

    read_load(&busy, &stolen);
    m->others = ((double)(busy - m->start_busy) * tick - own_seconds()) / all * 100;
    m->stolen = (double)(stolen - m->start_stolen) * tick / all * 100;
    if (m->others < 0)
        m->others = 0;
}
