#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "objects/namespace_kinds.h"

static int save(struct dump *dump, const struct namespace_id *ns, struct error *e)
{
    struct utsname names;
    if (uname(&names) < 0)
        return fail_errno(e, "cannot read the host name");
    UtsnsEntry entry = UTSNS_ENTRY__INIT;
    entry.nodename = names.nodename;
    entry.domainname = names.domainname;
    return image_write_one(dump->images, IMAGE_UTSNS, ns->id, &entry.base, e);
}

static int fill(struct restore *restore, uint32_t id, struct error *e)
{
    const UtsnsEntry *entry = image_read_one(restore->arena, restore->images_dir, IMAGE_UTSNS, id,
                                             &utsns_entry__descriptor, e);
    if (!entry)
        return -1;
    if (sethostname(entry->nodename, strlen(entry->nodename)) < 0)
        return fail_errno(e, "cannot set the host name");
    if (setdomainname(entry->domainname, strlen(entry->domainname)) < 0)
        return fail_errno(e, "cannot set the domain name");
    return 0;
}

const struct namespace_kind uts_namespace_kind = {.type = NS_UTS,
                                                  .proc_name = "uts",
                                                  .clone_flag = CLONE_NEWUTS,
                                                  .saved_inside = true,
                                                  .save = save,
                                                  .fill = fill};
