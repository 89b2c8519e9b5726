#include "engine/signals.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static int real_time_signal(const char *name)
{
    uint64_t offset = 0;
    bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
    if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    if (name[5] && (name[5] != (from_min ? '+' : '-') || !parse_u64(name + 6, 10, &offset)))
        return 0;
    if (offset > 30)
        return 0;
    /* Docker counts from the kernel's 34, as glibc does. */
    return from_min ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
}

int signal_number(const char *text)
{
    int number;
    if (parse_int(text, &number))
        return number > 0 && number < NSIG ? number : 0;
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (number = 1; number < 32; number++) {
        const char *known = sigabbrev_np(number);
        if (known && strcasecmp(known, name) == 0)
            return number;
    }
    return real_time_signal(name);
}
