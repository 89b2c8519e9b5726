/* libarchive converts names by the thread's locale; in the C locale it cannot express those that
 * pax headers hold in UTF-8. uselocale(3) changes it for this thread alone. */
#ifndef STASIS_ENGINE_UTF8_H
#define STASIS_ENGINE_UTF8_H

#include <locale.h>

static inline locale_t utf8_begin(void)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 ? uselocale(utf8) : (locale_t)0;
}

static inline void utf8_end_(locale_t *before)
{
    if (*before)
        freelocale(uselocale(*before));
}
#define AUTO_UTF8 __attribute__((cleanup(utf8_end_)))

#endif
