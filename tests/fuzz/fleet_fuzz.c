/* What operators write, forged: fleet.yaml, hosts.yaml, keys.yaml, access.yaml. The first byte says which. What is accepted is
 * sound: hosts have unique ids, keys are strong, somebody may roll. */
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/keyset.h"
#include "manifests/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so)
{
	if (!so)
		abort();
}

static void folder(struct str fleet, struct str hosts)
{
	char room[] = "/dev/shm/fleet_fuzz.XXXXXX";
	cleanup(fleet_free) struct fleet f = {.at = -1};
	cleanup(fd_close) int dir = -1;
	struct err e = {0};

	must(mkdtemp(room) && fs_open_dir(&dir, AT_FDCWD, room, &e));
	must(fs_write(dir, "fleet.yaml", fleet, 0644, &e) && fs_write(dir, "hosts.yaml", hosts, 0644, &e));
	if (fleet_open(&f, room, &e)) {
		must(f.name != NULL);
		for (size_t i = 1; i < f.hosts.count; i++)
			must(strcasecmp(f.by_id[i - 1]->id, f.by_id[i]->id) < 0); /* as a disk sees them */
	} else {
		must(e.code != ERR_NONE);
	}
	must(fs_remove_tree(AT_FDCWD, room, &e));
}

static void keys(struct str text)
{
	cleanup(keyset_free) struct keyset k = {0};
	struct err e = {0};

	if (!keyset_of(&k, text, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	for (size_t i = 0; i < k.keys.count; i++)
		must(public_check_strength(&keyset_at(&k, i)->key, &e));
	doc *d = keyset_doc(&k);
	doc_free(&d);
}

static void access_list(struct str text)
{
	cleanup(access_free) struct access a = {0}, again = {0};
	cleanup(buf_free) struct buf json = {0};
	struct err e = {0};

	if (!access_read_yaml(&a, text, "access.yaml", &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(a.operators.count > 0);
	a.format = ACCESS_FORMAT;
	a.number = MAX(a.number, 1);
	access_write(&json, &a);
	must(access_read(&again, buf_str(&json), NULL, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct str text = str_bytes(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		folder(text, STR("[]\n"));
		break;
	case 1:
		folder(STR("name: f\n"), text);
		break;
	case 2:
		keys(text);
		break;
	case 3:
		access_list(text);
		break;
	}
	return 0;
}
