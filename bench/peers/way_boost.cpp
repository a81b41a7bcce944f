/* SPDX-License-Identifier: MIT */
/* The way of Boost.Interprocess: a message_queue for each direction. It sleeps on a condition in shared memory. */
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <string>
#include <unistd.h>

extern "C" {
#include "peers/boost.h"
}

using boost::interprocess::message_queue;

struct boost_queue {
    std::string name;
    message_queue *queue;
};

static std::size_t depth_for(std::size_t size)
{
    const std::size_t bytes = 256u << 10;
    std::size_t depth = bytes / size;

    return depth < 4 ? 4 : depth > 1024 ? 1024 : depth;
}

extern "C" int boost_queue_make(const char *name, size_t size, struct boost_queue **ret_queue)
{
    try {
        message_queue::remove(name);
        *ret_queue = new boost_queue{name, new message_queue(boost::interprocess::create_only, name,
                                                             depth_for(size), size)};
        return 0;
    } catch (...) {
        return -ENOMEM;
    }
}

extern "C" int boost_queue_send(struct boost_queue *q, const void *data, size_t size, int waits)
{
    try {
        if (waits) {
            q->queue->send(data, size, 0);
            return 0;
        }
        return q->queue->try_send(data, size, 0) ? 0 : -EAGAIN;
    } catch (...) {
        return -EIO;
    }
}

extern "C" int boost_queue_receive(struct boost_queue *q, void *buffer, size_t size, int waits)
{
    message_queue::size_type got = 0;
    unsigned priority = 0;

    try {
        if (waits)
            q->queue->receive(buffer, size, got, priority);
        else if (!q->queue->try_receive(buffer, size, got, priority))
            return -EAGAIN;
        return got == size ? 0 : -EBADMSG;
    } catch (...) {
        return -EIO;
    }
}

extern "C" void boost_queue_end(struct boost_queue *q)
{
    message_queue::remove(q->name.c_str());
    delete q->queue;
    delete q;
}
