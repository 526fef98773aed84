/* Where a sync stands: each reason in the door, with each kind of thing that it is given for. What one loop in the sources syncs, one
 * after the other in one folder, is one place: each is made good by the next. */
#include "tests/fault/cuts.h"

#define SWEPT  "what came back leads nowhere, and is swept at the next start"
#define BESIDE "what is written or linked beside it next brings a sync of the same folder"
#define MEMORY "it lies in memory on a host, and is made again by each start"

const struct sync_place sync_places[] = {
	{"written", "etc/.agent.json?(.2).new"}, /* here and below both copies: one alone may be lost */
	{"written", "etc/.root.json?(.2).new"},
	{"written", "state/.confirm.new"},
	{"written", "state/.guard.new"},
	{"written", "state/.pull.json.new"},
	{"written", "state/.pull.rollout.new"},
	{"written", "state/.state?(.2).new"},
	{"written", "state/access/*/.access.json.new"},
	{"written", "state/access/*/.sources.json.new"},
	{"written", "state/access/*/.authorized_keys?(.2).new"},
	{"written", "state/receipts/.*.json.new"},
	{"written", "state/receipts/.key.new"},
	{"written", "state/releases/*.new/.manifest.json.new"},
	{"written", "state/staging/.*.json.new"},
	{"written", "state/trust/.dropping.new"},
	{"written", "state/trust/.floor.new"},
	{"written", "state/trust/.[0-9]*.root.json.new"},
	{"written", "state/trust/.*.json.new"},

	{"written, its folder", "etc/agent.json?(.2)"},
	{"written, its folder", "etc/root.json?(.2)"},
	{"written, its folder", "state/confirm"},
	{"written, its folder", "state/guard"},
	{"written, its folder", "state/pull.json"},
	{"written, its folder", "state/pull.rollout"},
	{"written, its folder", "state/state?(.2)"},
	{"written, its folder", "state/access/*/@(access.json|sources.json|authorized_keys?(.2))"},
	{"written, its folder", "state/receipts/*.json"},
	{"written, its folder", "state/receipts/key"},
	{"written, its folder", "state/releases/*.new/manifest.json", BESIDE},
	{"written, its folder", "state/staging/*.json"},
	{"written, its folder", "state/trust/dropping"},
	{"written, its folder", "state/trust/floor"},
	{"written, its folder", "state/trust/[0-9]*.root.json"},
	{"written, its folder", "state/trust/*.json"},

	{"folder made", "/@(etc|state|results)"},
	{"folder made", "state/@(access|agent|bundles|receipts|releases|staging|trees|trust)"},
	{"folder made", "state/access/*"},
	{"folder made", "state/releases/*.new"},
	{"folder made", "state/staging/empty", SWEPT},
	{"folder made", "state/trees/*.new"},
	{"folder was there", "/results", MEMORY},
	{"folder was there", "/@(etc|state)", NULL, true},
	{"folder was there", "state/@(access|agent|bundles|receipts|releases|staging|trees|trust)", NULL, true},
	{"folder was there", "state/access/enrolled", NULL, true},

	{"linked", "state/access/current"},
	{"linked", "state/agent/current"},
	{"linked", "state/current"},
	{"linked", "state/releases/*/tree"},

	{"before a rename", "state/staging/*.part", NULL, true},
	{"before a rename", "state/staging/*.tar", NULL, true},
	{"renamed to", "state/bundles/*.tar"},
	{"renamed to", "state/releases/*"},
	{"renamed to", "state/staging/*.part"},
	{"renamed to", "state/trees/*"},
	{"renamed from", "state/staging/*.tar", SWEPT},

	{"removed", "state/bundles/*.tar"},
	{"removed", "state/confirm"},
	{"removed", "state/staging/*.json"},
	{"removed", "state/staging/*.part"},
	{"removed", "state/staging/*.tar", SWEPT},
	{"removed", "state/trust/@(dropping|floor|snapshot.json|timestamp.json)"},
	{"tree renamed", "state/@(access|releases|staging|trees)/*", SWEPT},
	{"tree renamed", "state/trust", BESIDE},
	{"tree gone", "state/@(access|releases|staging|trees)/*", SWEPT},
	{"tree gone", "state/trust", BESIDE},

	{"file", "state"},
	{"file", "state/@(access|bundles|receipts|releases|staging|trees|trust)"},
	{"file", "state/ballast", "its room is what counts, and that is reserved"},
	{"file", "state/staging/*.part"},
	{"file", "state/staging/*.tar"},
	{"all", "state/trees/*.new"},
	{0},
};
