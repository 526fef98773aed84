/* What a machine must be before anything is sent to it; beside one that is well, each that is not. */
#include "fleetctl/enroll/kit.h"
#include "fleetctl/enroll/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(name) static void name(void **state)

static struct machine well(void)
{
	return (struct machine){ .os = (char *)"debian", .version = (char *)"12", .name = (char *)"Debian GNU/Linux 12 (bookworm)",
		.arch = (char *)"arm64", .cpu = (char *)"aarch64", .rights = (char *)"sudo", .slash = (char *)"ext4", .mount = (char *)"rw,relatime",
		.free_kib = 1000 * KIB, .systemd = true };
}

static void refused(const struct machine *m, const char *saying)
{
	struct err e = { 0 };

	assert_false(machine_fits(m, &e));
	assert_int_equal(e.code, ERR_REFUSED);
	if (!strstr(e.text, saying))
		fail_msg("expected \"%s\" in: %s", saying, e.text);
}

TEST(a_debian_12_with_room_fits)
{
	(void)state;
	struct machine m = well();
	struct err e = { 0 };

	assert_true(machine_fits(&m, &e));
	m.os = (char *)"raspbian", m.arch = (char *)"armhf", m.cpu = (char *)"armv7l";
	assert_true(machine_fits(&m, &e));
	m.mount = (char *)"rw,errors=remount-ro"; /* what it would do is not what it is */
	assert_true(machine_fits(&m, &e));
	m.rights = (char *)"password"; /* it can be asked for */
	assert_true(machine_fits(&m, &e));
}

TEST(a_machine_that_cannot_take_the_agent_is_refused_with_the_reason)
{
	(void)state;
	static const struct {
		size_t at;
		const char *is, *saying;
	} each[] = {
		{ offsetof(struct machine, arch), "", "no dpkg" },
		{ offsetof(struct machine, arch), "riscv64", "architecture is riscv64" },
		{ offsetof(struct machine, cpu), "armv6l", "Pi 1 or Zero" },
		{ offsetof(struct machine, version), "11", "Debian 12" },
		{ offsetof(struct machine, rights), "none", "there is no sudo" },
		{ offsetof(struct machine, slash), "overlay", "raspi-config" },
		{ offsetof(struct machine, mount), "ro,relatime", "remount,rw" },
	};

	for (size_t i = 0; i < COUNT_OF(each); i++) {
		struct machine m = well();
		*(const char **)((char *)&m + each[i].at) = each[i].is;
		refused(&m, each[i].saying);
	}
	struct machine m = well();
	m.free_kib = 9 * KIB;
	refused(&m, "9 MiB free");
	m = well();
	m.systemd = false;
	refused(&m, "systemd");
}

/* Its package's version is said to a person, and nobody knows this machine yet. */
TEST(what_a_machine_says_is_read_and_drives_no_terminal)
{
	(void)state;
	struct machine m = { 0 };

	assert_true(machine_read(&m, STR("rights root\narch arm64\nfree 1000\nsystemd yes\npackage 0.1.0\nagent {\"id\": \"ber-D\", \"plan\": \"plan-D\"}\n"
		"anchor 00aa  -\nrunning no\ncomes yes\n")));
	assert_string_equal(m.package, "0.1.0");
	assert_string_equal(m.id, "ber-D");
	assert_string_equal(m.anchor, "00aa");
	assert_string_equal(m.os, "");
	assert_int_equal(m.free_kib, 1000);
	assert_true(m.systemd && m.comes_in && !m.running);
	machine_free(&m);
	assert_true(machine_read(&m, STR("rights root\npackage 99\033]0;me\007\nagent {\"id\": \"a\\u001bb\"}\n")));
	assert_string_equal(m.package, "99?]0;me?");
	assert_string_equal(m.id, "a?b");
	machine_free(&m);
	assert_false(machine_read(&m, STR("This account is currently not available.\n")));
	assert_null(m.rights);
}

TEST(a_version_is_newer_by_its_numbers)
{
	(void)state;
	assert_true(kit_is_newer("0.1.1", "0.1.0"));
	assert_true(kit_is_newer("0.10", "0.9.9"));
	assert_true(kit_is_newer("0.1.0.1", "0.1.0"));
	assert_false(kit_is_newer("0.1.0", "0.1.0"));
	assert_false(kit_is_newer("0.9.9", "0.10"));
	assert_false(kit_is_newer("", "0.1"));
}

TEST(a_command_is_shown_as_a_person_would_type_it)
{
	(void)state;
	static const struct {
		struct sudo how;
		const char *line;
	} each[] = {
		{ { .way = SUDO_NOT_NEEDED }, "tee file" },
		{ { .way = SUDO_FREE }, "sudo -n tee file" },
		{ { .way = SUDO_ASKS }, "sudo tee file" },
	};

	for (size_t i = 0; i < COUNT_OF(each); i++) {
		char *line = sudo_line(&each[i].how, "tee file");
		assert_string_equal(line, each[i].line);
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_debian_12_with_room_fits),
		cmocka_unit_test(a_machine_that_cannot_take_the_agent_is_refused_with_the_reason),
		cmocka_unit_test(what_a_machine_says_is_read_and_drives_no_terminal),
		cmocka_unit_test(a_version_is_newer_by_its_numbers),
		cmocka_unit_test(a_command_is_shown_as_a_person_would_type_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
