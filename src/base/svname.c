/* SPDX-License-Identifier: MIT */
/* How a System V object is named in an address. */
#include "base/svname.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const struct address *a;
    const char *noun;
};

static int refuse(const struct reader *r, const char *why)
{
    const char *scheme = r->a->scheme->scheme;

    return error_set(-EINVAL,
                     "%s:%s: %s. A %s is named by a number (%s:0x1234), or by a path and a number "
                     "from 1 to 255 (%s:/srv/app#1)",
                     scheme, r->a->name, why, r->noun, scheme, scheme);
}

static int parse_key(const struct reader *r, int32_t *ret_key)
{
    const char *name = r->a->name;
    unsigned long long key;
    char *end;

    if (name[0] < '0' || name[0] > '9')
        return refuse(r, "this is neither a number nor a path with \"#\" and a number");
    errno = 0;
    key = strtoull(name, &end, strncmp(name, "0x", 2) == 0 ? 16 : 10);
    if (*end != '\0' || end[-1] == 'x')
        return refuse(r, "a number has digits alone, or 0x and hexadecimal ones");
    if (errno != 0 || key > UINT32_MAX)
        return refuse(r, "a key has 32 bits");
    if (key == 0)
        return refuse(r, "0 is no key");
    *ret_key = (int32_t)(uint32_t)key;
    return 0;
}

/* The number behind the last "#", which is at mark. */
static int parse_number(const struct reader *r, const char *mark, int *ret_number)
{
    int number = 0;

    for (const char *digit = mark + 1; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number > 255)
            return refuse(r, "behind \"#\" stands a number from 1 to 255");
        number = number * 10 + (*digit - '0');
    }
    if (number < 1 || number > 255)
        return refuse(r, "behind \"#\" stands a number from 1 to 255");
    *ret_number = number;
    return 0;
}

int svname_parse(const struct address *a, const char *noun, struct svname *ret_name)
{
    const struct reader r = {.a = a, .noun = noun};
    const char *mark = strrchr(a->name, '#');
    int result;

    ret_name->path[0] = '\0';
    if (mark == NULL)
        return parse_key(&r, &ret_name->key);
    if (mark == a->name)
        return refuse(&r, "the path in front of \"#\" is missing");
    if (mark - a->name > SVNAME_MOST)
        return refuse(&r, "the path is too long");
    result = parse_number(&r, mark, &ret_name->number);
    if (result < 0)
        return result;
    memcpy(ret_name->path, a->name, (size_t)(mark - a->name));
    ret_name->path[mark - a->name] = '\0';
    return 0;
}
