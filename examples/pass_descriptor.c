/* SPDX-License-Identifier: MIT */
/* Passes an open file to another process: it can then write it, without the right to open it itself. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Receives a descriptor and a text, and writes the one to the other. */
static int child(struct enl_link *in)
{
    char text[100];
    int fds[1];
    struct enl_message m = {.data = text, .capacity = sizeof text, .fds = fds, .fd_capacity = 1};

    if (enl_receive_message(in, NULL, ENL_FOREVER, &m) < 0)
        return failed("receive");
    if (m.fd_count != 1 || write(fds[0], text, m.size) != (ssize_t)m.size)
        return 1;
    close(fds[0]); /* what was received is ours to close */
    enl_close(in);
    return 0;
}

int main(void)
{
    struct enl_link *ends[2];
    char text[] = "written by the child";
    char line[100] = "";
    struct enl_message m;
    FILE *file;
    int status;
    int fd;

    /* Both sides declare how many descriptors may come with a message: no other is ever let in. */
    if (enl_pair("unix:?fds=1", ends) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(ends[0]);
        _exit(child(ends[1]));
    }
    enl_close(ends[1]);
    file = tmpfile(); /* opened after the fork: the child does not have it */
    if (file == NULL)
        return 1;
    fd = fileno(file);
    m = (struct enl_message){.data = text, .size = strlen(text), .fds = &fd, .fd_count = 1};
    if (enl_send_message(ends[0], &m, ENL_FOREVER) < 0)
        return failed("send");
    enl_close(ends[0]);
    if (wait(&status) < 0 || status != 0)
        return 1;
    rewind(file);
    printf("the file says: %s\n", fgets(line, sizeof line, file) == NULL ? "nothing" : line);
    fclose(file);
    return 0;
}
