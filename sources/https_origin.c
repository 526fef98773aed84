/* Which server an address leads to. */
#include "sources/https_request.h"

enum { ORIGIN_MAX = 1 * KIB };

static void url_free(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void text_free(char **text)
{
	curl_free(*text);
}

bool https_origin(struct buf *out, const char *url)
{
	cleanup(url_free) CURLU *u = mem_must(curl_url());
	cleanup(text_free) char *scheme = NULL, *host = NULL, *port = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	buf_form(out, "%s://%s:%s", scheme, host, port);
	return buf_ok(out, NULL);
}

static bool same_origin(struct str a, const char *url)
{
	cleanup(buf_free) struct buf b = BUF_MAX(ORIGIN_MAX);

	return https_origin(&b, url) && str_eq(a, buf_str(&b));
}

bool https_may_lead_to(const struct parcel_ask *ask, const char *url)
{
	cleanup(buf_free) struct buf origin = BUF_MAX(ORIGIN_MAX);

	if (!https_origin(&origin, url))
		return false;
	bool may = same_origin(buf_str(&origin), ask->url);
	for (size_t i = 0; !may && i < ask->also.count; i++)
		may = same_origin(buf_str(&origin), ((char **)ask->also.items)[i]);
	return may;
}
