/* SPDX-License-Identifier: MIT */
/* A writer of a FIFO: waits for a reader, ten seconds at most, and writes three lines.
 *
 *     fifo_writer fifo:/tmp/f?frame=line &
 *     cat /tmp/f
 */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"one", "two", "three"};
    const char *address = argc > 1 ? argv[1] : "fifo:/tmp/enlace-fifo?frame=line";
    struct enl_link *out;

    if (enl_open_until(address, ENL_WRITE | ENL_CREATE, enl_in_ms(10000), &out) < 0)
        return failed("open");
    for (int i = 0; i < 3; i++)
        if (enl_send(out, words[i], strlen(words[i]), ENL_FOREVER) < 0)
            return failed("send");
    printf("wrote 3 lines\n");
    enl_close(out);
    return 0;
}
