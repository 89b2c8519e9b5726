/* libarchive keeps this one function beside its table of all formats: taken from there, it would
 * link the writers of every format, and libxml2, libbz2 and libcrypto with them. The tar writer
 * calls it for kinds of files that tar cannot hold. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

void __archive_write_entry_filetype_unsupported(struct archive *archive,
                                                struct archive_entry *entry, const char *format);

void __archive_write_entry_filetype_unsupported(struct archive *archive,
                                                struct archive_entry *entry, const char *format)
{
    archive_set_error(archive, EINVAL, "%s: this kind of file does not fit into a %s archive",
                      archive_entry_pathname(entry), format);
}
