/* SPDX-License-Identifier: MIT */
/* A pipe between a parent and its child: the child sends three messages, the parent receives until the end. */
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

static int child(struct enl_link *out)
{
    static const char *const words[] = {"one", "", "three"}; /* a message may be empty */

    for (int i = 0; i < 3; i++)
        if (enl_send(out, words[i], strlen(words[i]), ENL_FOREVER) < 0)
            return failed("send");
    enl_close(out);
    return 0;
}

int main(void)
{
    struct enl_link *ends[2]; /* [0] receives, [1] sends */
    char text[100];
    ssize_t size;
    int status;

    if (enl_pair("pipe:", ends) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(ends[0]);
        _exit(child(ends[1]));
    }
    enl_close(ends[1]); /* or the end would never come: a pipe ends with its last sender */
    while ((size = enl_receive(ends[0], text, sizeof text, ENL_FOREVER)) >= 0)
        printf("%zd bytes: \"%.*s\"\n", size, (int)size, text);
    if (size != -ESHUTDOWN)
        return failed("receive");
    printf("the end\n");
    enl_close(ends[0]);
    return wait(&status) < 0 || status != 0;
}
