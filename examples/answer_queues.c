/* SPDX-License-Identifier: MIT */
/* A server with a private answer queue for each client, whatever kind of queue the addresses name:
 *
 *   answer_queues mq:/questions mq:/answers
 *   answer_queues svmsg:/tmp#1 svmsg:/tmp#1
 *   answer_queues fifo:/tmp/questions fifo:/tmp/answers
 *
 * A client's own address is the second one with its number behind it, and its question says so. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 3
#define SOON enl_in_ms(5000)

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 0;
}

/* Asks for the square of its number; gives it, or 0. */
static int ask(const char *questions, const char *answers, int number)
{
    char own[200], question[220], answer[20] = "";
    struct enl_link *in, *out;

    snprintf(own, sizeof own, "%s%d", answers, number);
    snprintf(question, sizeof question, "%d %s", number, own);
    if (enl_open(own, ENL_READ | ENL_CREATE, &in) < 0)
        return failed("make the answer queue");
    if (enl_open_until(questions, ENL_WRITE, SOON, &out) < 0 ||
        enl_send(out, question, strlen(question), SOON) < 0)
        return failed("ask");
    if (enl_receive(in, answer, sizeof answer - 1, SOON) < 0)
        return failed("wait for the answer");
    enl_close(out);
    enl_close(in);
    enl_unlink(own);
    return atoi(answer);
}

static int answer_one(struct enl_link *in)
{
    char question[220], own[200], answer[20];
    struct enl_link *out;
    int number;
    ssize_t size = enl_receive(in, question, sizeof question - 1, SOON);

    if (size < 0)
        return failed("wait for a question");
    question[size] = '\0';
    if (sscanf(question, "%d %199s", &number, own) != 2)
        return 0; /* a client's mistake is no reason to end */
    snprintf(answer, sizeof answer, "%d", number * number);
    if (enl_open_until(own, ENL_WRITE, SOON, &out) < 0 ||
        enl_send(out, answer, strlen(answer), SOON) < 0)
        return failed("answer");
    enl_close(out);
    return 1;
}

int main(int argc, char **argv)
{
    const char *questions = argc > 2 ? argv[1] : "mq:/enlace-questions";
    const char *answers = argc > 2 ? argv[2] : "mq:/enlace-answers";
    struct enl_link *in, *keeper;
    pid_t clients[CLIENTS];
    int status, wrong = 0;

    /* a FIFO would end with its first client, did the server not hold a writing end of its own */
    if (enl_open(questions, ENL_READ | ENL_CREATE, &in) < 0 ||
        enl_open(questions, ENL_WRITE, &keeper) < 0)
        return !failed("make the queue of questions");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0)
            _exit(ask(questions, answers, i + 1));
    }
    for (int i = 0; i < CLIENTS; i++)
        wrong += !answer_one(in);
    for (int i = 0; i < CLIENTS; i++) {
        waitpid(clients[i], &status, 0);
        printf("client %d: the square is %d\n", i + 1, WEXITSTATUS(status));
    }
    enl_close(keeper);
    enl_close(in);
    enl_unlink(questions);
    return wrong != 0;
}
