#include "fleetctl/repo/starter.h"

#include <sys/mman.h>

#include "base/fs.h"
#include "bundles/unpack.h"

/* The build packs the folder; the assembler takes the file in as it is. */
__asm__(".section .rodata\n"
	".global starter_tar\n"
	"starter_tar:\n"
	".incbin \"" FLEET_STARTER_TAR "\"\n"
	".global starter_tar_end\n"
	"starter_tar_end:\n"
	".byte 0\n"
	".previous\n");
extern const char starter_tar[], starter_tar_end[];

enum { FLEET_YAML_MAX = 64 * KIB };

static bool give_name(int dir, const char *name, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FLEET_YAML_MAX);
	cleanup(buf_free) struct buf named = BUF_MAX(FLEET_YAML_MAX);
	if (!fs_read(&text, dir, "fleet.yaml", e))
		return false;
	struct str rest = buf_str(&text);
	while (rest.len) {
		struct str line = str_cut(rest, '\n', &rest);
		if (str_starts(line, "name:"))
			buf_form(&named, "name: %s\n", name);
		else
			buf_form(&named, STR_FMT "\n", STR_ARG(line));
	}
	return buf_ok(&named, e) && fs_write(dir, "fleet.yaml", buf_str(&named), 0644, e);
}

bool starter_unpack(int dir, const char *name, struct err *e)
{
	cleanup(fd_close) int tar = memfd_create("starter", MFD_CLOEXEC);
	if (tar < 0)
		return err_sys(e, "memory file");
	return fs_put(tar, str_bytes(starter_tar, (size_t)(starter_tar_end - starter_tar)), e) && unpack_tree(tar, dir, e) &&
		fs_write(dir, ".gitignore", STR(".fleetctl/\n"), 0644, e) && give_name(dir, name, e);
}
