/* Which hosts a person means, and that nobody is meant by accident. */
#include "tests/unit/fleetctl/folder.h"

#include "fleetctl/fleet/select.h"

static const char hosts[] = "- {id: ber-D, plan: plan-D, site: berlin, address: a, labels: {rack: a}}\n"
			    "- {id: ber-1, plan: plan01s, site: berlin, address: a, labels: {rack: b}}\n"
			    "- {id: ham-D, plan: plan-D, site: hamburg, address: a, labels: {rack: a}}\n"
			    "- {id: lab, plan: plan01s, address: a}\n";

static void open_hosts(struct fleet *out, const struct folder *f)
{
	struct err e = {0};

	folder_put(f, "hosts.yaml", hosts);
	assert_done(fleet_open(out, f->path, &e));
}

/* `line`: selectors apart by one space; `ids`: as they come out. */
static void chooses(const struct fleet *f, const char *line, const char *ids)
{
	cleanup(opt_words_free) struct opt_words words = {0};
	cleanup(chosen_free) struct chosen c = {0};
	cleanup(buf_free) struct buf got = {0};
	struct err e = {0};

	for (struct str rest = str_of(line); rest.len;) {
		words.word = mem_grow(words.word, words.count + 1, sizeof *words.word);
		words.word[words.count++] = str_cut(rest, ' ', &rest);
	}
	assert_done(select_hosts(&c, f, &words, &e));
	for (size_t i = 0; i < c.count; i++)
		buf_form(&got, "%s%s", i ? " " : "", c.host[i]->id);
	assert_string_equal(buf_str(&got).data, ids);
}

static void refuses(const struct fleet *f, const char *word, const char *text)
{
	struct str one = str_of(word);
	struct chosen c = {0};
	struct err e = {0};

	assert_false(select_hosts(&c, f, &(struct opt_words){&one, 1}, &e));
	assert_int_equal(e.code, ERR_USAGE);
	if (!strstr(e.text, text))
		fail_msg("expected \"%s\" in \"%s\"", text, e.text);
	assert_null(c.host);
}

static void selectors_mean_what_they_say(void **state)
{
	cleanup(fleet_free) struct fleet f = {.at = -1};

	open_hosts(&f, *state);
	chooses(&f, "all", "ber-D ber-1 ham-D lab");
	chooses(&f, "ham-D", "ham-D");
	chooses(&f, "ber-*", "ber-D ber-1");
	chooses(&f, "plan=plan-D", "ber-D ham-D");
	chooses(&f, "plan=*", "ber-D ber-1 ham-D lab");
	chooses(&f, "site=berlin", "ber-D ber-1");
	chooses(&f, "rack=a", "ber-D ham-D");
	chooses(&f, "id=*-D", "ber-D ham-D");
}

static void terms_narrow_and_selectors_add_up_each_host_once(void **state)
{
	cleanup(fleet_free) struct fleet f = {.at = -1};

	open_hosts(&f, *state);
	chooses(&f, "site=berlin,plan=plan-D", "ber-D");
	chooses(&f, "rack=a,site=ham*", "ham-D");
	chooses(&f, "lab ber-D plan=plan-D", "ber-D ham-D lab");
	chooses(&f, "all,rack=b", "ber-1");
}

static void what_matches_nobody_is_an_error(void **state)
{
	cleanup(fleet_free) struct fleet f = {.at = -1};

	open_hosts(&f, *state);
	refuses(&f, "ber-d", "no host \"ber-d\" in hosts.yaml: did you mean \"ber-D\"?");
	refuses(&f, "plan=plan-X", "no host matches \"plan=plan-X\"");
	refuses(&f, "site=berlin,rack=c", "no host matches");
	refuses(&f, "muc-*", "no host matches");
	refuses(&f, "rack=", "no host matches");
	refuses(&f, "berlin", "no host \"berlin\"");
	refuses(&f, "colour=red", "no host matches");
}

static void an_empty_word_never_means_everybody(void **state)
{
	cleanup(fleet_free) struct fleet f = {.at = -1};
	struct chosen c = {0};
	struct err e = {0};

	open_hosts(&f, *state);
	refuses(&f, "", "an empty selector");
	refuses(&f, "  ", "an empty selector");
	refuses(&f, ",", "no host");
	refuses(&f, "=", "no host");
	assert_false(select_hosts(&c, &f, &(struct opt_words){NULL, 0}, &e));
	assert_int_equal(e.code, ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(selectors_mean_what_they_say),
		sentence(terms_narrow_and_selectors_add_up_each_host_once),
		sentence(what_matches_nobody_is_an_error),
		sentence(an_empty_word_never_means_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
