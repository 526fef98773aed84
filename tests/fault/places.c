/* Where a sync stands: each reason in the door, with each kind of thing that it is given for. What one loop in the sources syncs, one
 * after the other in one folder, is one place: each is made good by the next. */
#include "tests/fault/cuts.h"

#define SWEPT   "what came back leads nowhere, and is swept at the next start"
#define BESIDE  "what is written, made or linked beside it next brings a sync of the same folder"
#define MEMORY  "it lies in memory on a host, and is made again by each start"
#define ASKED   "who confirmed is asked once more, or it goes back; a word of a trial that is over fits no other"
#define FETCHED "what needs it finds that out, and it is fetched again"
#define SIGNED  "what the old keys signed does not verify under the new root, and the timestamp that is held raises the floor"

const struct sync_place sync_places[] = {
	{"written", "etc/.agent.json?(.2).new"}, /* here and below both copies: one alone may be lost */
	{"written", "etc/.root.json?(.2).new"},
	{"written", "state/.confirm.new", ASKED},
	{"written", "state/.guard.new"},
	{"written", "state/.pull.json.new"},
	{"written", "state/.pull.rollout.new", FETCHED},
	{"written", "state/.state?(.2).new"},
	{"written", "state/access/*/.access.json.new"},
	{"written", "state/access/*/.sources.json.new"},
	{"written", "state/access/*/.authorized_keys?(.2).new"},
	{"written", "state/receipts/.*.json.new"},
	{"written", "state/receipts/.key.new"},
	{"written", "state/releases/*.new/.manifest.json.new"},
	{"written", "state/staging/.*.json.new", FETCHED},
	{"written", "state/trust/.dropping.new", SIGNED},
	{"written", "state/trust/.floor.new"},
	{"written", "state/trust/.[0-9]*.root.json.new"},
	{"written", "state/trust/.*.json.new"},

	{"written, its folder", "etc/agent.json?(.2)"},
	{"written, its folder", "etc/root.json?(.2)", BESIDE},
	{"written, its folder", "state/confirm", ASKED},
	{"written, its folder", "state/guard"},
	{"written, its folder", "state/pull.json", "what it has forgotten the next poll sees again: snapshot and role keep an older rollout out"},
	{"written, its folder", "state/pull.rollout", FETCHED},
	{"written, its folder", "state/state?(.2)"},
	{"written, its folder", "state/access/*/@(access.json|sources.json|authorized_keys?(.2))"},
	{"written, its folder", "state/receipts/*.json"},
	{"written, its folder", "state/receipts/key"},
	{"written, its folder", "state/releases/*.new/manifest.json", BESIDE},
	{"written, its folder", "state/staging/*.json", FETCHED},
	{"written, its folder", "state/trust/dropping", SIGNED},
	{"written, its folder", "state/trust/floor", SIGNED},
	{"written, its folder", "state/trust/[0-9]*.root.json"},
	{"written, its folder", "state/trust/*.json"},

	{"folder made", "/@(etc|state|results)", BESIDE},
	{"folder made", "state/@(access|agent|bundles|receipts|releases|staging|trees|trust)", BESIDE},
	{"folder made", "state/access/*"},
	{"folder made", "state/releases/*.new", BESIDE},
	{"folder made", "state/staging/empty", SWEPT},
	{"folder made", "state/trees/*.new", BESIDE},
	{"folder was there", "/results", MEMORY},
	{"folder was there", "/@(etc|state)", BESIDE, true},
	{"folder was there", "state/@(access|agent|bundles|receipts|releases|staging|trees|trust)", BESIDE, true},
	{"folder was there", "state/access/enrolled", BESIDE, true},

	{"linked", "state/access/current"},
	{"linked", "state/agent/current"},
	{"linked", "state/current"},
	{"linked", "state/releases/*/tree"},

	{"before a rename", "state/staging/*.part", FETCHED, true},
	{"before a rename", "state/staging/*.tar", NULL, true},
	{"renamed to", "state/bundles/*.tar", "its tree stands already, and makes it again"},
	{"renamed to", "state/releases/*"},
	{"renamed to", "state/staging/*.part", FETCHED},
	{"renamed to", "state/trees/*"},
	{"renamed from", "state/staging/*.tar", SWEPT},

	{"removed", "state/bundles/*.tar", SWEPT},
	{"removed", "state/confirm", ASKED},
	{"removed", "state/staging/*.json", SWEPT},
	{"removed", "state/staging/*.part"},
	{"removed", "state/staging/*.tar", SWEPT},
	{"removed", "state/trust/@(dropping|floor|snapshot.json|timestamp.json)", "the next start drops it again"},
	{"tree renamed", "state/@(access|releases|staging|trees)/*", SWEPT},
	{"tree renamed", "state/trust", BESIDE},
	{"tree gone", "state/@(access|releases|staging|trees)/*", SWEPT},
	{"tree gone", "state/trust", BESIDE},

	{"file", "state", SWEPT},
	{"file", "state/@(access|bundles|receipts|releases|staging|trees|trust)", SWEPT},
	{"file", "state/ballast", "its room is what counts, and that is reserved"},
	{"file", "state/staging/*.part", FETCHED},
	{"file", "state/staging/*.tar", "it is synced before it is renamed, too"},
	{"all", "state/trees/*.new"},
	{0},
};
