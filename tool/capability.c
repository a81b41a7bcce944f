/* SPDX-License-Identifier: MIT */
/* The capabilities of a link in words. */
#include "capability.h"

#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>

static const struct capability rows[] = {
    {"messages", ENL_CAN_BOUNDARIES, "one receive gives one message, as it was sent",
     "a stream of bytes: a receive gives what has come"},
    {"messages", ENL_CAN_ORDER, "what one sender sends arrives in that order",
     "messages may overtake each other"},
    {"messages", ENL_CAN_LOSSLESS, "when it is full, the sender waits; nothing is dropped",
     "when it is full, messages are dropped or merge"},
    {"messages", ENL_CAN_EMPTY, "a message may be empty", "a message has at least one byte"},
    {"messages", ENL_CAN_FIXED_SIZE, "every message has the size of the largest",
     "messages may be of different sizes"},
    {"messages", ENL_CAN_PRIORITY, "the message of highest priority is received first",
     "messages have no priority"},
    {"messages", ENL_CAN_TYPES, "messages have a type, and a receiver may ask for some types",
     "messages have no type"},
    {"messages", ENL_CAN_MERGE, "messages that wait become one: added up, or all but one dropped",
     "each message that waits stays itself"},
    {"messages", ENL_CAN_PEEK, "messages that wait may be looked at, and left",
     "a message is seen by receiving it"},
    {"delivery", ENL_CAN_DUPLEX, "both ends send and receive",
     "one way: one end sends, one receives"},
    {"delivery", ENL_CAN_FAN_OUT, "every receiver gets every message",
     "one receiver gets a message"},
    {"delivery", ENL_CAN_PERSISTENT, "messages wait even when no process has it open",
     "messages vanish with the last process"},
    {"delivery", ENL_CAN_ACKNOWLEDGE, "a message that was taken and not released comes again",
     "a message is gone once it was received"},
    {"peers", ENL_CAN_END, "the receiver learns that the last sender has gone",
     "the receiver does not learn that the senders have gone"},
    {"peers", ENL_CAN_BROKEN, "the sender learns that the last receiver has gone",
     "the sender does not learn that the receivers have gone"},
    {"peers", ENL_CAN_CREDENTIALS, "the kernel says who the peer is",
     "the kernel does not say who the peer is"},
    {"peers", ENL_CAN_SENDER, "the kernel says of each message who sent it",
     "the kernel does not say who sent a message"},
    {"peers", ENL_CAN_PASS_FDS, "messages carry open file descriptors",
     "messages carry bytes alone"},
    {"cost", ENL_CAN_POLL, "has a descriptor for poll and epoll", "has no descriptor to wait on"},
    {"cost", ENL_CAN_BATCH, "small messages may be sent many at once (?batch=)",
     "each message is handed over by itself"},
    {"cost", ENL_CAN_SEND_FILE, "sends files without copying them through the process",
     "files are copied through the process"},
    {"cost", ENL_CAN_ZERO_COPY, "messages are written and read in place",
     "messages are copied in and out"},
};

static const struct capability_meet meets[] = {
    {ENL_MEET_PAIR, "pair", "one process makes both ends and gives one to a relative"},
    {ENL_MEET_OPEN, "open", "both sides open the same name"},
    {ENL_MEET_LISTEN, "listen", "one side listens at a name, the others open it"},
    {ENL_MEET_ADOPT, "fd:N", "a descriptor that is already open becomes a link"},
};

static const struct {
    const char *name, *words;
} reaches[] = {
    [ENL_REACH_PROCESS] = {"process", "the threads of one process"},
    [ENL_REACH_RELATIVES] = {"relatives", "relatives, who inherit a descriptor or are passed one"},
    [ENL_REACH_MACHINE] = {"machine", "any processes of this machine"},
    [ENL_REACH_NETWORK] = {"network", "processes of this and of other machines"},
};

const struct capability *capability_row(size_t index)
{
    return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

const struct capability_meet *capability_meet(size_t index)
{
    return index < sizeof meets / sizeof meets[0] ? &meets[index] : NULL;
}

const char *capability_participants(char *out, uint32_t count)
{
    if (count == ENL_MANY)
        return "many";
    (void)snprintf(out, QUANTITY_SIZE, "%" PRIu32, count);
    return out;
}

const char *capability_bytes(char *out, uint64_t bytes)
{
    return bytes == ENL_UNKNOWN ? "-" : quantity_bytes(out, bytes);
}

const char *capability_reach(uint32_t reach)
{
    return reach < sizeof reaches / sizeof reaches[0] ? reaches[reach].name : "?";
}

const char *capability_reach_words(uint32_t reach)
{
    return reach < sizeof reaches / sizeof reaches[0] ? reaches[reach].words : "?";
}
