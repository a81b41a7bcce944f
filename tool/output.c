/* SPDX-License-Identifier: MIT */
/* Messages to standard output, in one of the forms. */
#include "output.h"

#include "bytes.h"
#include "json.h"
#include "report.h"
#include "terminal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A failed write is told, and ends the verb, at the next flush or here; stdio keeps its mark. */
static int written(void)
{
    if (!ferror(stdout))
        return 0;
    (void)terminal_flush();
    return -EIO;
}

static int no_memory(void)
{
    (void)report_failure("out of memory");
    return -ENOMEM;
}

static void write_bytes(const void *data, size_t size)
{
    if (size > 0)
        (void)fwrite(data, 1, size, stdout);
}

static int write_prefixed(const struct enl_message *m)
{
    unsigned char prefix[4];

    if (m->size > UINT32_MAX) {
        (void)report_failure("a message of %zu bytes is too large for --prefixed", m->size);
        return -EMSGSIZE;
    }
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix[i] = (unsigned char)(m->size >> (24 - 8 * i));
    write_bytes(prefix, sizeof prefix);
    write_bytes(m->data, m->size);
    return written();
}

static int write_hex(const struct enl_message *m)
{
    struct bytes text = {0};

    if (bytes_to_hex(&text, m->data, m->size) < 0)
        return no_memory();
    write_bytes(text.data, text.size);
    (void)putchar('\n');
    bytes_free(&text);
    return written();
}

static int write_json(const struct enl_message *m, const struct enl_caps *caps)
{
    char *text = json_of_message(m, caps);

    if (text == NULL)
        return no_memory();
    (void)puts(text);
    free(text);
    return written();
}

int output_message(enum form form, const struct enl_message *m, const struct enl_caps *caps)
{
    switch (form) {
    case FORM_PREFIXED:
        return write_prefixed(m);
    case FORM_HEX:
        return write_hex(m);
    case FORM_JSON:
        return write_json(m, caps);
    case FORM_LINES:
    case FORM_WHOLE:
        break;
    }
    write_bytes(m->data, m->size);
    if (form == FORM_LINES && (caps->can & ENL_CAN_BOUNDARIES) != 0)
        (void)putchar('\n');
    return written();
}
