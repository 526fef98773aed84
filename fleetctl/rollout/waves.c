#include "fleetctl/rollout/waves.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

bool wave_options_read(struct wave_options *out, const char *text, struct err *e)
{
	struct wave_options w = { .canary = out->canary };
	struct str rest = str_of(text);
	uint64_t last = 0, n;
	while (rest.len) {
		struct str part = str_trim(str_cut(rest, ',', &rest));
		if (str_ends(part, "%"))
			part.len--;
		if (!str_number(&n, part, 100) || n <= last)
			return err_set(e, ERR_USAGE, "--waves %s: expected rising shares like 10%%,50%%,100%%", text);
		if (w.count == WAVES_MAX - 1)
			return err_set(e, ERR_USAGE, "--waves %s: at most %d", text, WAVES_MAX - 1);
		w.percent[w.count++] = (int)n;
		last = n;
	}
	if (last != 100)
		w.percent[w.count++] = 100;
	*out = w;
	return true;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* How often the plan and the site were taken so far: the next is the host whose plan, then site, was taken least. */
static size_t pick(const struct wave_host *host, size_t count, size_t done)
{
	size_t best = done, best_plan = SIZE_MAX, best_site = SIZE_MAX;
	for (size_t i = done; i < count; i++) {
		size_t plan = 0, site = 0;
		for (size_t j = 0; j < done; j++) {
			plan += same(host[j].plan, host[i].plan);
			site += same(host[j].site, host[i].site) && same(host[j].plan, host[i].plan) ? 2 : same(host[j].site, host[i].site);
		}
		if (plan < best_plan || (plan == best_plan && site < best_site)) {
			best = i;
			best_plan = plan;
			best_site = site;
		}
	}
	return best;
}

static bool plan_was_seen(const struct wave_host *host, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same(host[j].plan, host[i].plan))
			return true;
	return false;
}

void waves_order(struct wave_host *host, size_t count, const struct wave_options *options)
{
	for (size_t done = 0; done < count; done++) {
		size_t next = pick(host, count, done);
		struct wave_host taken = host[next];
		memmove(host + done + 1, host + done, (next - done) * sizeof *host);
		host[done] = taken;
	}
	size_t plans = 0;
	for (size_t i = 0; i < count; i++)
		plans += !plan_was_seen(host, i);
	size_t canaries = options->canary ? MIN(count, MAX(plans, (size_t)options->canary)) : 0;
	for (size_t i = 0, wave = 0; i < count; i++) {
		/* a wave of p% reaches the hosts up to the share rounded up */
		while (wave + 1 < options->count && i >= (count * (size_t)options->percent[wave] + 99) / 100)
			wave++;
		host[i].wave = i < canaries ? 0 : (int)wave + 1;
	}
}

size_t waves_on_trial_max(size_t healthy)
{
	return MAX(healthy / 2, (size_t)1);
}
