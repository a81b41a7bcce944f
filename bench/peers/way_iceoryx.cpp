/* SPDX-License-Identifier: MIT */
/* The way of iceoryx: a publisher and a subscriber on each side, whose chunks lie in memory that its daemon has made. */
#include <algorithm>
#include <csignal>
#include <iceoryx_hoofs/platform/platform_settings.hpp>
#include <iceoryx_posh/iceoryx_posh_config.hpp>
#include <iceoryx_posh/internal/roudi/roudi.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/roudi/iceoryx_roudi_components.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <new>
#include <string>
#include <unistd.h>

extern "C" {
#include "peers/iceoryx.h"
}

namespace
{

/* As of the other libraries: what fits into 256 KiB. */
uint64_t depth_for(std::size_t size)
{
    const std::size_t bytes = 256u << 10;

    return std::min<uint64_t>(std::max<uint64_t>(bytes / size, 4), 256);
}

/* The policies of both sides say that nothing is lost: a publisher waits for room, yielding and then napping. */
iox::popo::PublisherOptions to_publish()
{
    iox::popo::PublisherOptions options;

    options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    return options;
}

iox::popo::SubscriberOptions to_subscribe(std::size_t size)
{
    iox::popo::SubscriberOptions options;

    options.queueCapacity = depth_for(size);
    options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    return options;
}

iox::capro::ServiceDescription from(int side)
{
    return {"enlace", "bench", side == 0 ? "ping" : "pong"};
}

void silence()
{
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(
        iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
}

} // namespace

struct iceoryx {
    iox::popo::UntypedPublisher publisher;
    iox::popo::UntypedSubscriber subscriber;
    iox::popo::WaitSet<1> set;
    std::string name;

    iceoryx(const char *own_name, int side, std::size_t size)
        : publisher(from(side), to_publish()), subscriber(from(!side), to_subscribe(size)),
          name(own_name)
    {
    }
};

extern "C" void iceoryx_daemon(size_t size, void (*ready)(void *argument), void *argument)
{
    iox::RouDiConfig_t config;
    iox::mepoo::MePooConfig pools;
    auto group = iox::posix::PosixGroup::getGroupOfCurrentProcess();
    sigset_t end;
    int number;

    silence();
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &end, nullptr); /* its threads leave it to this one */
    pools.addMemPool({static_cast<uint32_t>((size + 127) / 64 * 64),
                      static_cast<uint32_t>(4 * depth_for(size))});
    config.m_sharedMemorySegments.push_back({group.getName(), group.getName(), pools});
    {
        iox::roudi::IceOryxRouDiComponents components(config);
        /* its users are ended by who has started them */
        iox::roudi::RouDi daemon(
            components.rouDiMemoryManager, components.portManager,
            iox::roudi::RouDi::RoudiStartupParameters(iox::roudi::MonitoringMode::ON, false));

        ready(argument);
        (void)sigwait(&end, &number);
    }
}

extern "C" struct iceoryx *iceoryx_join(const char *name, int side, size_t size)
{
    struct iceoryx *i;

    silence();
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
    i = new (std::nothrow) iceoryx(name, side, size);
    if (i == nullptr)
        return nullptr;
    i->set.attachState(i->subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto &) {
        std::abort();
    });
    while (!i->publisher.hasSubscribers() ||
           i->subscriber.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
        (void)usleep(1000);
    return i;
}

extern "C" void *iceoryx_loan(struct iceoryx *i, size_t size)
{
    void *data = nullptr;

    i->publisher.loan(static_cast<uint32_t>(size)).and_then([&](void *chunk) { data = chunk; });
    return data;
}

extern "C" void iceoryx_publish(struct iceoryx *i, void *data)
{
    i->publisher.publish(data);
}

extern "C" const void *iceoryx_take(struct iceoryx *i, int waits)
{
    const void *data = nullptr;

    for (;;) {
        i->subscriber.take().and_then([&](const void *chunk) { data = chunk; });
        if (data != nullptr || !waits)
            return data;
        (void)i->set.wait();
    }
}

extern "C" void iceoryx_release(struct iceoryx *i, const void *data)
{
    i->subscriber.release(data);
}

/* What the runtime would remove at exit(), to which none of these processes comes. */
extern "C" void iceoryx_end(struct iceoryx *i)
{
    (void)unlink((iox::platform::IOX_UDS_SOCKET_PATH_PREFIX + i->name).c_str());
    (void)unlink((iox::platform::IOX_LOCK_FILE_PATH_PREFIX + i->name + ".lock").c_str());
    delete i;
}
