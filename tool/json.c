/* SPDX-License-Identifier: MIT */
/* Messages as JSON, by jansson. */
#include "json.h"

#include "bytes.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_number(json_t *object, const char *key, uint64_t number)
{
    (void)json_object_set_new(object, key, json_integer((json_int_t)number));
}

static int set_base64(json_t *object, const struct enl_message *m)
{
    struct bytes text = {0};
    int result = bytes_to_base64(&text, m->data, m->size);

    if (result == 0)
        result =
            json_object_set_new(object, "base64", json_stringn((const char *)text.data, text.size));
    bytes_free(&text);
    return result;
}

/* UTF-8 stays readable; jansson refuses anything else. */
static int set_data(json_t *object, const struct enl_message *m)
{
    json_t *text = json_stringn(m->size == 0 ? "" : m->data, m->size);

    return text != NULL ? json_object_set_new(object, "data", text) : set_base64(object, m);
}

static void set_metadata(json_t *object, const struct enl_message *m, const struct enl_caps *caps)
{
    if ((caps->can & ENL_CAN_TYPES) != 0)
        (void)json_object_set_new(object, "type", json_integer((json_int_t)m->type));
    if ((caps->can & ENL_CAN_PRIORITY) != 0)
        set_number(object, "priority", m->priority);
    if ((caps->can & (ENL_CAN_SENDER | ENL_CAN_CREDENTIALS)) != 0 && m->sender.pid != 0)
        (void)json_object_set_new(object, "sender",
                                  json_pack("{s:I s:I s:I}", "pid", (json_int_t)m->sender.pid,
                                            "uid", (json_int_t)m->sender.uid, "gid",
                                            (json_int_t)m->sender.gid));
    if (m->deliveries > 1)
        set_number(object, "deliveries", m->deliveries);
    if ((m->flags & ENL_TRUNCATED) != 0)
        set_number(object, "full_size", m->full_size);
    if (m->missed > 0)
        set_number(object, "missed", m->missed);
    if (m->fd_count > 0)
        set_number(object, "fds", m->fd_count);
    if ((m->flags & ENL_FDS_LOST) != 0)
        (void)json_object_set_new(object, "fds_lost", json_true());
}

char *json_of_message(const struct enl_message *m, const struct enl_caps *caps)
{
    json_t *object = json_object();
    char *text = NULL;

    set_number(object, "size", m->size);
    set_metadata(object, m, caps);
    if (set_data(object, m) == 0)
        text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static int wrong(char *problem, const char *text)
{
    (void)snprintf(problem, JSON_PROBLEM_SIZE, "%s", text);
    return -EINVAL;
}

static int append(struct bytes *b, const char *text, size_t size)
{
    if (bytes_reserve(b, size + 1) < 0)
        return -ENOMEM;
    (void)memcpy(b->data + b->size, text, size);
    b->size += size;
    return 0;
}

static int get_data(const json_t *object, struct bytes *storage, char *problem)
{
    const json_t *data = json_object_get(object, "data");
    const json_t *base64 = json_object_get(object, "base64");
    int result;

    if ((data == NULL) == (base64 == NULL))
        return wrong(problem, "needs one of \"data\" and \"base64\"");
    if (data != NULL && !json_is_string(data))
        return wrong(problem, "\"data\" is not a text");
    if (data != NULL)
        return append(storage, json_string_value(data), json_string_length(data));
    if (!json_is_string(base64))
        return wrong(problem, "\"base64\" is not a text");
    result = bytes_from_base64(storage, json_string_value(base64), json_string_length(base64));
    return result == -EINVAL ? wrong(problem, "\"base64\" is not base64") : result;
}

static int get_metadata(const json_t *object, struct enl_message *m, char *problem)
{
    const json_t *type = json_object_get(object, "type");
    const json_t *priority = json_object_get(object, "priority");
    json_int_t number = json_integer_value(priority);

    if (type != NULL && !json_is_integer(type))
        return wrong(problem, "\"type\" is not an integer");
    if (priority != NULL && (!json_is_integer(priority) || number < 0 || number > UINT32_MAX))
        return wrong(problem, "\"priority\" is not a number of 0 to 4294967295");
    if (type != NULL)
        m->type = json_integer_value(type);
    if (priority != NULL)
        m->priority = (uint32_t)number;
    return 0;
}

int json_to_message(const char *line, size_t size, struct bytes *storage, struct enl_message *m,
                    char problem[JSON_PROBLEM_SIZE])
{
    json_error_t error;
    json_t *object = json_loadb(line, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    size_t start = storage->size;
    int result;

    if (object == NULL) {
        (void)snprintf(problem, JSON_PROBLEM_SIZE, "column %d: %s", error.column, error.text);
        return -EINVAL;
    }
    if (!json_is_object(object))
        result = wrong(problem, "not an object");
    else
        result = get_data(object, storage, problem);
    if (result == 0)
        result = get_metadata(object, m, problem);
    json_decref(object);
    if (result == 0) {
        m->data = storage->data + start;
        m->size = storage->size - start;
    }
    return result;
}
