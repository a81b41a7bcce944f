/* SPDX-License-Identifier: MIT */
/* The one grammar of addresses: mechanism:name?option=value&..., with %XX escapes in names and values.
 * A name may hold any byte but "?", "%", blanks and control bytes as it is, a value "&" neither; escaped,
 * any byte but zero. Pure text: no mechanism is known here; each says in a struct address_scheme what it
 * takes. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_NAME_MAX 4095 /* bytes of a decoded name: a path of PATH_MAX */
#define ADDRESS_OPTIONS_MAX 16
#define ADDRESS_TEXT_MAX 255 /* bytes of a decoded option of kind ADDRESS_TEXT */

enum address_kind {
    ADDRESS_NUMBER, /* decimal */
    ADDRESS_SIZE,   /* decimal, with k, M or G for 2^10, 2^20, 2^30 */
    ADDRESS_MODE,   /* octal, up to 0777 */
    ADDRESS_WORD,   /* one of words; its value is the index there */
    ADDRESS_FLAG,   /* "name" alone or name=yes|no; 1 or 0 */
    ADDRESS_TEXT,   /* any text but an empty one; in address.text, its value is the size */
};

struct address_option {
    const char *name; /* NULL ends a list */
    enum address_kind kind;
    uint64_t least, most;     /* of NUMBER and SIZE, both allowed */
    uint64_t preset;          /* the value if it is not given */
    const char *const *words; /* NULL-terminated, of WORD */
};

enum address_name { ADDRESS_NAME_NONE, ADDRESS_NAME_OPTIONAL, ADDRESS_NAME_NEEDED };

struct address_scheme {
    const char *scheme;
    const char *syntax; /* for messages: "fifo:PATH" */
    enum address_name name;
    size_t name_most;                     /* bytes; at most ADDRESS_NAME_MAX */
    const struct address_option *options; /* at most ADDRESS_OPTIONS_MAX, then one without a name */
};

struct address {
    const struct address_scheme *scheme;
    size_t name_size;
    uint32_t given; /* bit i: option i of the scheme was there */
    uint64_t values[ADDRESS_OPTIONS_MAX];
    char text[ADDRESS_TEXT_MAX + 1]; /* of the (one) TEXT option */
    char name[ADDRESS_NAME_MAX + 1]; /* decoded, and terminated; holds no zero byte within */
};

/* Parses text. schemes is a NULL-terminated list of what is known. On failure -EINVAL with a text that
 * points at the place ("at character 12", the first being 1), quotes what stands there and names what
 * would be right (a near miss is suggested). ret_address is written only on success, and keeps no pointer
 * into text. Safe in any thread and fork child, not in a signal handler. */
int address_parse(const char *text, const struct address_scheme *const schemes[],
                  struct address *ret_address);

/* The value of an option of the address's scheme, or its preset; the option must exist (asserted). */
uint64_t address_value(const struct address *a, const char *option);
bool address_given(const struct address *a, const char *option);
bool address_has_option(const struct address *a, const char *option);

#endif
