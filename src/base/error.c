#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct error *e, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->text, sizeof(e->text), format, arguments);
    va_end(arguments);
    e->code = code ? code : EINVAL;
    return -1;
}

int fail_errno(struct error *e, const char *format, ...)
{
    int code = errno;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(e->text, sizeof(e->text), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(e->text))
        snprintf(e->text + length, sizeof(e->text) - (size_t)length, ": %s", strerror(code));
    e->code = code ? code : EINVAL;
    return -1;
}

int fail_in(struct error *e, const char *format, ...)
{
    char inner[sizeof(e->text)];
    memcpy(inner, e->text, sizeof(inner));
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(e->text, sizeof(e->text), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(e->text))
        snprintf(e->text + length, sizeof(e->text) - (size_t)length, ": %s", inner);
    return -1;
}
