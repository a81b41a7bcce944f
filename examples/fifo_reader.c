/* SPDX-License-Identifier: MIT */
/* The reader of a FIFO: makes it, prints each line that any program writes, and ends with its last writer.
 *
 *     fifo_reader fifo:/tmp/f?frame=line &
 *     echo hello > /tmp/f
 */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "fifo:/tmp/enlace-fifo?frame=line";
    struct enl_link *in;
    char text[4096];
    ssize_t size;

    if (enl_open(address, ENL_READ | ENL_CREATE, &in) < 0)
        return failed("open");
    /* Nobody has to be there yet: the first receive waits for the first writer. */
    while ((size = enl_receive(in, text, sizeof text, ENL_FOREVER)) >= 0)
        printf("received \"%.*s\"\n", (int)size, text);
    if (size != -ESHUTDOWN)
        return failed("receive");
    printf("the last writer has left\n");
    enl_close(in);
    enl_unlink(address); /* a FIFO survives its processes */
    return 0;
}
