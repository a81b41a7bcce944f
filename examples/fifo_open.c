/* SPDX-License-Identifier: MIT */
/* Opening a FIFO on either side before the other one is there: asking, waiting a while, waiting for good. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void tell(const char *what, long result)
{
    printf("%-34s %s\n", what,
           result >= 0            ? "done"
           : result == -ENXIO     ? "-ENXIO: nobody reads yet"
           : result == -EAGAIN    ? "-EAGAIN: nothing yet"
           : result == -ETIMEDOUT ? "-ETIMEDOUT: nobody came in time"
           : result == -ESHUTDOWN ? "-ESHUTDOWN: the writer has left"
                                  : enl_error_text());
}

/* The other program: reads, from its own open on. */
static int reader(const char *address)
{
    struct enl_link *in;
    char text[100];
    ssize_t size;

    if (enl_open(address, ENL_READ, &in) < 0)
        return failed("reader");
    size = enl_receive(in, text, sizeof text, ENL_FOREVER);
    enl_close(in);
    return size == 5 ? 0 : failed("reader");
}

/* Without a reader: the three ways to open for writing. */
static int write_first(const char *address)
{
    struct enl_link *out = NULL;
    pid_t child;
    int status;

    tell("write, ask:", enl_open(address, ENL_WRITE, &out));
    tell("write, wait 20 ms:", enl_open_until(address, ENL_WRITE, enl_in_ms(20), &out));
    child = fork();
    if (child == 0)
        _exit(reader(address));
    tell("write, wait until one comes:", enl_open_until(address, ENL_WRITE, ENL_FOREVER, &out));
    tell("send:", out == NULL ? -1 : enl_send(out, "hello", 5, ENL_FOREVER));
    enl_close(out);
    return waitpid(child, &status, 0) < 0 || status != 0;
}

/* Without a writer: a reader is open at once, and its receives wait. */
static int read_first(const char *address)
{
    struct enl_link *in, *out;
    char text[100];

    if (enl_open(address, ENL_READ, &in) < 0)
        return failed("open to read");
    tell("read, ask:", enl_receive(in, text, sizeof text, ENL_NOW));
    tell("read, wait 20 ms:", enl_receive(in, text, sizeof text, enl_in_ms(20)));
    if (fork() == 0)
        _exit(enl_open(address, ENL_WRITE, &out) < 0 || enl_send(out, "hello", 5, ENL_NOW) < 0);
    tell("read, wait until something comes:", enl_receive(in, text, sizeof text, ENL_FOREVER));
    tell("read on:", enl_receive(in, text, sizeof text, ENL_FOREVER));
    enl_close(in);
    return wait(NULL) < 0;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "fifo:/tmp/enlace-fifo_open";
    struct enl_link *maker;
    int result;

    if (enl_open(address, ENL_READ | ENL_CREATE, &maker) < 0)
        return failed("create");
    enl_close(maker); /* the name stays */
    result = write_first(address) + read_first(address);
    return enl_unlink(address) < 0 ? failed("unlink") : result;
}
