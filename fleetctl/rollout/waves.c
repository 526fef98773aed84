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

/* Hosts of one plan at one site, in the order they came in: they are as good as each other, so one look at each group finds
 * the next host. */
struct group {
	const char *plan, *site;
	size_t head, end;     /* of `sorted` */
	size_t plan_n, site_n; /* which counter */
	size_t taken;
};
struct counters {
	size_t *plan, *site; /* how often each was taken */
	size_t plans;
};
struct sorted {
	const struct wave_host *host;
	size_t at; /* where it came in */
};

static int order_of(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_plan_site(const void *a, const void *b)
{
	const struct sorted *l = a, *r = b;
	int order = order_of(l->host->plan, r->host->plan);
	if (!order)
		order = order_of(l->host->site, r->host->site);
	return order ? order : (l->at > r->at) - (l->at < r->at);
}

static int by_site(const void *a, const void *b)
{
	return order_of((*(struct group *const *)a)->site, (*(struct group *const *)b)->site);
}

static void number_sites(struct group *group, size_t count)
{
	cleanup(free_ptr) struct group **by = mem_new(count + 1, sizeof *by);
	size_t sites = 0;
	for (size_t i = 0; i < count; i++)
		by[i] = &group[i];
	qsort(by, count, sizeof *by, by_site);
	for (size_t i = 0; i < count; i++) {
		sites += i == 0 || order_of(by[i]->site, by[i - 1]->site) != 0;
		by[i]->site_n = sites - 1;
	}
}

/* How many groups; `sorted` is. */
static size_t groups_make(struct group *group, struct sorted *sorted, size_t count, struct counters *c)
{
	size_t groups = 0;
	qsort(sorted, count, sizeof *sorted, by_plan_site);
	for (size_t i = 0; i < count; i++) {
		const struct wave_host *h = sorted[i].host;
		struct group *last = groups ? &group[groups - 1] : NULL;
		bool same_plan = last && order_of(last->plan, h->plan) == 0;
		if (!same_plan)
			c->plans++;
		if (!same_plan || order_of(last->site, h->site) != 0)
			group[groups++] = (struct group){ .plan = h->plan, .site = h->site, .head = i, .plan_n = c->plans - 1 };
		group[groups - 1].end = i + 1;
	}
	number_sites(group, groups);
	return groups;
}

/* The next is the host whose plan, then site, was taken least; a site counts twice where it is the plan's own. */
static size_t pick(const struct group *group, size_t groups, const struct counters *c, const struct sorted *sorted)
{
	size_t best = 0, best_plan = SIZE_MAX, best_site = SIZE_MAX;
	for (size_t i = 0; i < groups; i++) {
		size_t plan = c->plan[group[i].plan_n], site = c->site[group[i].site_n] + group[i].taken;
		bool even = plan == best_plan && site == best_site;
		if (plan < best_plan || (plan == best_plan && site < best_site) ||
			(even && sorted[group[i].head].at < sorted[group[best].head].at)) {
			best = i;
			best_plan = plan;
			best_site = site;
		}
	}
	return best;
}

/* Spread over plans and sites; how many plans there are. */
static size_t spread(struct wave_host *host, size_t count)
{
	cleanup(free_ptr) struct wave_host *in = mem_new(count + 1, sizeof *in);
	cleanup(free_ptr) struct sorted *sorted = mem_new(count + 1, sizeof *sorted);
	cleanup(free_ptr) struct group *group = mem_new(count + 1, sizeof *group);
	cleanup(free_ptr) size_t *plan = mem_new(count + 1, sizeof *plan);
	cleanup(free_ptr) size_t *site = mem_new(count + 1, sizeof *site);
	struct counters c = { plan, site, 0 };
	for (size_t i = 0; i < count; i++) {
		in[i] = host[i];
		sorted[i] = (struct sorted){ &in[i], i };
	}
	size_t groups = groups_make(group, sorted, count, &c);
	for (size_t done = 0; done < count; done++) {
		size_t next = pick(group, groups, &c, sorted);
		struct group *g = &group[next];
		host[done] = *sorted[g->head++].host;
		c.plan[g->plan_n]++;
		c.site[g->site_n]++;
		g->taken++;
		if (g->head == g->end)
			group[next] = group[--groups];
	}
	return c.plans;
}

void waves_order(struct wave_host *host, size_t count, const struct wave_options *options)
{
	size_t plans = spread(host, count);
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
