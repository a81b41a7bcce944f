/* SPDX-License-Identifier: MIT */
/* Sends a file as one message: from the page cache to the socket, without a copy in this process. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES 10000
#define LINE_SIZE 10

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Looks at the message in place. */
static int count_lines(struct enl_link *in)
{
    struct enl_message m;
    int lines = 0;

    if (enl_take(in, NULL, ENL_FOREVER, &m) < 0)
        return failed("take");
    for (size_t i = 0; i < m.size; i++)
        lines += ((const char *)m.data)[i] == '\n';
    enl_release(&m);
    enl_close(in);
    return lines != LINES;
}

int main(void)
{
    struct enl_link *ends[2];
    FILE *file = tmpfile();
    ssize_t size;
    int status;

    for (int i = 0; file != NULL && i < LINES; i++)
        fprintf(file, "line %4d\n", i);
    if (file == NULL || fflush(file) != 0) {
        perror("tmpfile");
        return 1;
    }
    if (enl_pair("unix:", ends) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(ends[0]);
        _exit(count_lines(ends[1]));
    }
    enl_close(ends[1]);
    printf("sends files without a copy here: %s\n",
           enl_link_caps(ends[0])->can & ENL_CAN_SEND_FILE ? "yes" : "no");
    size = enl_send_file(ends[0], fileno(file), 0, (size_t)LINES * LINE_SIZE, ENL_FOREVER);
    if (size < 0)
        return failed("send the file");
    enl_close(ends[0]);
    fclose(file);
    if (wait(&status) < 0 || status != 0)
        return 1;
    printf("%zd bytes sent, and %d lines counted at the other end\n", size, LINES);
    return 0;
}
