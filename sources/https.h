/* One file from a web server, by libcurl: the inside of the helper. Plain GET; http and https, nothing else. */
#pragma once

#include "sources/parcel.h"

struct https;
must_check bool https_new(
	struct https **out, struct err *e); /* before the sandbox: reads the libraries' own configuration */
/* Answers the ask on `fd`, but for FAILED, which is what `e` says. */
must_check bool https_answer(struct https *h, const struct parcel_ask *ask, int fd, struct err *e);
void https_free(struct https **h);
