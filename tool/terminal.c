/* SPDX-License-Identifier: MIT */
/* What standard output can show. */
#include "terminal.h"

#include "report.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_USUAL 80
#define WIDTH_LEAST 40

int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    long width = WIDTH_USUAL;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    else if (columns != NULL && *columns != '\0')
        width = strtol(columns, NULL, 10);
    if (width < WIDTH_LEAST)
        return WIDTH_LEAST;
    return width > 1000 ? 1000 : (int)width;
}

bool terminal_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && kind != NULL &&
           *kind != '\0' && strcmp(kind, "dumb") != 0;
}

const char *terminal_text(const char *utf8, const char *ascii)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? utf8 : ascii;
}

static const char *sequence(const char *text)
{
    return terminal_colours() ? text : "";
}

const char *terminal_bold(void)
{
    return sequence("\033[1m");
}

const char *terminal_faint(void)
{
    return sequence("\033[2m");
}

const char *terminal_green(void)
{
    return sequence("\033[32m");
}

const char *terminal_plain(void)
{
    return sequence("\033[0m");
}

void terminal_start(void)
{
    static char buffer[65536];

    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

int terminal_flush(void)
{
    static bool told;
    /* An earlier write has failed just now; stdio has forgotten why, errno has not. */
    int error = ferror(stdout) ? errno : 0;

    if (fflush(stdout) != 0)
        error = errno;
    else if (!ferror(stdout))
        return 0;
    if (!told && error != EPIPE)
        (void)report_failure("cannot write to standard output: %s", strerror(error));
    told = true;
    return -1;
}
