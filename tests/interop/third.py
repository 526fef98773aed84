"""A third implementation's word on metadata: python3-securesystemslib of Debian makes the canonical form and verifies each
signature with the keys that the repository itself names for the role. Who may sign what is not looked at.
usage: third.py REPOSITORY...   Prints how many signatures it verified; exits 1 at one that does not."""

import json
import pathlib
import sys

from securesystemslib import formats, keys


def named(metadata):
    """Every key that any root or role of the repository names, by its id."""
    found = {}
    for file in metadata.glob("*.json"):
        signed = json.loads(file.read_bytes())["signed"]
        found.update(signed.get("keys", {}) | signed.get("delegations", {}).get("keys", {}))
    return found


def check(file, known):
    whole = json.loads(file.read_bytes())
    form = formats.encode_canonical(whole["signed"]).encode()
    for signature in whole["signatures"]:
        key = known.get(signature["keyid"])
        if key is None:
            sys.exit(f"{file}: nobody knows the key {signature['keyid']}")
        # It takes keyids for hashes, which they need not be.
        if not keys.verify_signature({"keyid": "00", **key}, {"keyid": "00", "sig": signature["sig"]}, form):
            sys.exit(f"{file}: the signature of {signature['keyid']} does not verify")
    return len(whole["signatures"])


total = 0
for repository in sys.argv[1:]:
    metadata = pathlib.Path(repository, "metadata")
    known = named(metadata)
    total += sum(check(file, known) for file in sorted(metadata.glob("*.json")))
print(total)
