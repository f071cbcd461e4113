// Drives asio. With -DUNSAFE, the io_context is made with the hint that only one thread ever uses it.
#include "probe.h"
#include <asio.hpp>
#include <stdexcept>

#ifdef UNSAFE
#define LOOP "asio, CONCURRENCY_HINT_UNSAFE"
static asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
const struct name names[] = {{"submit plain", "post"}, {"stop plain", "io_context::stop"}, {NULL, NULL}};
#else
#define LOOP "asio"
static asio::io_context context;
const struct name names[] = {{"submit safe", "post"},
                             {"timer safe", "post(steady_timer::async_wait)"},
                             {"stop safe", "io_context::stop"},
                             {NULL, NULL}};
#endif

static void submit(struct callback *callback, int) {
    asio::post(context, [callback] { probe_runs(callback); });
}

static void timer(struct callback *callback, int) {
    asio::post(context, [callback] {
        auto timer = std::make_shared<asio::steady_timer>(context, std::chrono::seconds(0));
        timer->async_wait([timer, callback](auto) { probe_runs(callback); });
    });
}

static void stop(int) { context.stop(); }

static void run() {
    auto work = asio::make_work_guard(context);
    context.restart();
    context.run();
}

int main() {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", ASIO_VERSION / 100000, ASIO_VERSION / 100 % 1000, ASIO_VERSION % 100);
    return probe_main(LOOP, version);
}
