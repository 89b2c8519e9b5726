#include <errno.h>
#include <sched.h>

#include "objects/namespace_kinds.h"

static int refuse(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    (void)dump;
    (void)ns;
    return fail(e, ENOTSUP, "not supported");
}

static int refuse_image(struct restore *restore, uint32_t id, struct error *e)
{
    (void)restore;
    (void)id;
    return fail(e, ENOTSUP, "not supported");
}

const struct namespace_kind user_namespace_kind = {.type = NS_USER,
                                                   .proc_name = "user",
                                                   .clone_flag = CLONE_NEWUSER,
                                                   .save = refuse,
                                                   .fill = refuse_image};
