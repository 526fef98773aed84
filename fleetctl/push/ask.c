#include "fleetctl/push/ask.h"

enum { AT_ONCE_MIN = 32 }; /* a question changes nothing and waits mostly for hosts that are away */

struct asked {
	struct asking *all;
	size_t i;
	struct talk *talk;
};
struct asking {
	const struct ask *ask;
	struct asked *host;
	size_t next, running;
	struct timer *more;
	bool stopped;
};

static bool answer(void *ctx, const struct hello *h, struct flight *out, struct err *e)
{
	struct asked *one = ctx;
	const struct ask *a = one->all->ask;
	return !a->answer || a->answer(a->ctx, one->i, h, out, e);
}

static void ended(void *ctx, const struct talk_end *end)
{
	struct asked *one = ctx;
	const struct ask *a = one->all->ask;
	a->ended(a->ctx, one->i, end);
	talk_drop(&one->talk);
	one->all->running--;
	timer_in(one->all->more, 0);
}

static void start_more(void *ctx)
{
	struct asking *all = ctx;
	const struct ask *a = all->ask;
	struct talk_patience patience = { a->fleet->defaults.connect_ms, a->fleet->defaults.silence_ms, TALK_QUESTION * a->fleet->defaults.silence_ms };
	size_t at_once = (size_t)MAX(a->fleet->defaults.parallel, (int64_t)AT_ONCE_MIN);
	while (all->next < a->chosen->count && all->running < at_once) {
		struct asked *one = &all->host[all->next];
		*one = (struct asked){ all, all->next, NULL };
		one->talk = talk_start(a->loop, a->login, a->chosen->host[all->next], patience,
			&(struct talk_calls){ .answer = answer, .ended = ended, .ctx = one });
		all->next++;
		all->running++;
	}
	if (all->running == 0)
		loop_stop(a->loop);
}

static void stop(void *ctx)
{
	struct asking *all = ctx;
	all->stopped = true;
	loop_stop(all->ask->loop);
}

bool ask_all(const struct ask *a, struct err *e)
{
	cleanup(free_ptr) struct asked *host = mem_new(a->chosen->count + 1, sizeof *host);
	struct asking all = { .ask = a, .host = host };
	all.more = timer_new(a->loop, start_more, &all);
	timer_in(all.more, 0);
	loop_on_stop(a->loop, stop, &all);
	loop_run(a->loop);
	for (size_t i = 0; i < all.next; i++)
		talk_drop(&host[i].talk);
	timer_close(&all.more);
	return !all.stopped || err_set(e, ERR_STOPPED, "interrupted");
}
