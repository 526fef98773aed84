/* What an order does. Each ends with a RECEIPT, or with the error that the other side is told. */
#pragma once

#include "agent/receive/follow.h"

typedef bool order_fn(const struct follow *f, const struct order *o, struct err *e);
order_fn order_ask, order_follow, order_confirm, order_let_go; /* serve.c */
order_fn order_access;                                         /* access.c: who may come in */
order_fn order_agent;                                          /* agent.c: which agent runs */
order_fn order_update, order_undo;                             /* update.c: they change what runs */
