// Makes repositories as other signers make them, by tuf-js's models and node's own crypto: foreign/README.md says what each is
// for. The keys are made here and thrown away.
//   node foreign.mjs FOLDER
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import canonical from '@tufjs/canonical-json';
import models from '@tufjs/models';
import delegations from '@tufjs/models/dist/delegations.js'; // these two it does not export
import kindsOfRole from '@tufjs/models/dist/role.js';

const { Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } = models;
const { Delegations } = delegations;
const { DelegatedRole, Role, SuccinctRoles } = kindsOfRole;
const home = process.argv[2];
const EXPIRES = '2099-01-01T00:00:00Z'; // what is tried here is not the date
const SPEC = '1.0.31';

// --- keys: each kind has its words in metadata, and its way of signing ---

const kinds = {
	ed25519: {
		words: ['ed25519', 'ed25519'],
		make: () => crypto.generateKeyPairSync('ed25519'),
		value: (k) => k.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'),
		sign: (k, bytes) => crypto.sign(null, bytes, k),
	},
	p256: {
		words: ['ecdsa', 'ecdsa-sha2-nistp256'],
		make: () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
		value: (k) => k.export({ type: 'spki', format: 'pem' }),
		sign: (k, bytes) => crypto.sign('sha256', bytes, k),
	},
	rsa: {
		words: ['rsa', 'rsassa-pss-sha256'],
		make: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
		value: (k) => k.export({ type: 'spki', format: 'pem' }),
		sign: (k, bytes) => crypto.sign('sha256', bytes, { key: k, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
	},
};
kinds.p256_named = { ...kinds.p256, words: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'] };
kinds.rsa_long_salt = { ...kinds.rsa,
	sign: (k, bytes) => crypto.sign('sha256', bytes, { key: k, padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
		saltLength: crypto.constants.RSA_PSS_SALTLEN_MAX_SIGN }) };

// A key by its kind; `id` where its keyid shall not be its hash, `more` for fields that nobody knows.
function key(kind, id, more = {}) {
	const { words: [keyType, scheme], make, value, sign } = kinds[kind];
	const pair = make();
	const body = { keytype: keyType, scheme, keyval: { public: value(pair.publicKey) }, ...more };
	const keyID = id ?? crypto.createHash('sha256').update(canonical.canonicalize(body)).digest('hex');
	return {
		id: keyID,
		key: new Key({ keyID, keyType, scheme, keyVal: body.keyval, unrecognizedFields: more }),
		sign: (bytes) => new Signature({ keyID, sig: sign(pair.privateKey, bytes).toString('hex') }),
	};
}
const keysOf = (keys) => Object.fromEntries(keys.map((k) => [k.id, k.key]));
const role = (keys, threshold = 1) => new Role({ keyIDs: keys.map((k) => k.id), threshold });

// --- a repository ---

const sha = (name, bytes) => crypto.createHash(name).update(bytes).digest('hex');
const content = (name) => Buffer.from(`this is ${name}\n`); // the test knows it, too

class Repository {
	constructor(name, { consistent = true, hashes = ['sha256'], measured = true } = {}) {
		Object.assign(this, { name, consistent, hashes, measured, meta: {}, wanted: [] });
		this.dir = path.join(home, name);
		fs.rmSync(this.dir, { recursive: true, force: true });
	}

	put(file, bytes) {
		const at = path.join(this.dir, file);
		fs.mkdirSync(path.dirname(at), { recursive: true });
		fs.writeFileSync(at, bytes);
	}

	// Signed by `keys`, written under its name; the bytes that were written.
	write(name, signed, keys, versioned = this.consistent) {
		const whole = new Metadata(signed);
		for (const k of keys)
			whole.sign(k.sign);
		const bytes = Buffer.from(JSON.stringify(whole.toJSON(), null, 1) + '\n');
		this.put(`metadata/${versioned ? `${signed.version}.` : ''}${encodeURIComponent(name)}.json`, bytes);
		return bytes;
	}

	metaFile(version, bytes) {
		return new MetaFile(this.measured ? { version, length: bytes.length, hashes: { sha256: sha('sha256', bytes) } } : { version });
	}

	root(roles, { version = 1, signers = roles.root, more = {}, spec = SPEC } = {}) {
		const all = [...new Set(Object.values(roles).flat())];
		this.write('root', new Root({ version, specVersion: spec, expires: EXPIRES, consistentSnapshot: this.consistent, keys: keysOf(all),
			roles: Object.fromEntries(Object.entries(roles).map(([name, k]) => [name, role(k)])), unrecognizedFields: more }), signers, true);
	}

	// A role of targets; `names` are its own.
	targets(name, keys, names, delegations, { version = 1, more = {} } = {}) {
		const targets = {};
		for (const target of names) {
			const bytes = content(target), { dir, base } = path.posix.parse(target);
			const hashes = Object.fromEntries(this.hashes.map((h) => [h, sha(h, bytes)]));
			targets[target] = new TargetFile({ path: target, length: bytes.length, hashes, unrecognizedFields: more });
			for (const prefix of this.consistent ? Object.values(hashes).map((h) => `${h}.`) : [''])
				this.put(path.posix.join('targets', dir, prefix + base), bytes);
		}
		const bytes = this.write(name, new Targets({ version, specVersion: SPEC, expires: EXPIRES, targets, delegations }), keys);
		this.meta[`${name}.json`] = this.metaFile(version, bytes);
	}

	// snapshot and timestamp over all that was written, and what a client shall find
	finish(snapshotKeys, timestampKeys, found, absent, version = 1) {
		const bytes = this.write('snapshot', new Snapshot({ version, specVersion: SPEC, expires: EXPIRES, meta: this.meta }), snapshotKeys);
		this.write('timestamp', new Timestamp({ version, specVersion: SPEC, expires: EXPIRES, snapshotMeta: this.metaFile(version, bytes) }),
			timestampKeys, false);
		this.put('wanted', [...found.map((n) => `+ ${n}\n`), ...absent.map((n) => `- ${n}\n`)].join(''));
	}
}

const delegate = (keys, roles) => new Delegations({ keys: keysOf(keys), roles: Object.fromEntries(roles.map((r) => [r.name, r])) });
const delegated = (name, keys, more, threshold = 1) => new DelegatedRole({ name, keyIDs: keys.map((k) => k.id), threshold,
	terminating: false, ...more });

// --- what others make ---

function nested() {
	const r = new Repository('nested'), top = key('ed25519'), online = key('p256');
	const a = key('p256_named'), b = key('ed25519'), b2 = key('p256'), c = key('ed25519'), d = key('ed25519');
	r.root({ root: [top], targets: [top], snapshot: [online], timestamp: [online] });
	// In order: a; in it the stop of a/closed; then b, under a threshold of two; d would sign for a/closed, too, but is never asked.
	r.targets('targets', [top], ['top.txt'], delegate([a, b, b2, d], [
		delegated('a', [a], { paths: ['a/*', 'a/*/*'] }),
		delegated('role b/\u00e4', [b, b2], { paths: ['b/*', 'both/*'] }, 2),
		delegated('d', [d], { paths: ['a/*', 'both/*', 'd/?.txt'] }),
	]));
	r.targets('a', [a], ['a/one.txt'], delegate([c], [
		delegated('c', [c], { paths: ['a/deep/*'], terminating: true }),
		delegated('closed', [c], { paths: ['a/closed*'], terminating: true }),
	]));
	r.targets('c', [c], ['a/deep/two.txt']);
	r.targets('closed', [c], []);
	r.targets('role b/\u00e4', [b, b2], ['b/three.txt', 'both/four.txt']);
	r.targets('d', [d], ['a/closed.txt', 'd/5.txt', 'd/55.txt', 'a/open.txt']);
	r.finish([online], [online], ['top.txt', 'a/one.txt', 'a/deep/two.txt', 'b/three.txt', 'both/four.txt', 'd/5.txt', 'a/open.txt'],
		['a/closed.txt', 'd/55.txt', 'a/deep/absent.txt', 'x.txt']);
}

function prefixes() {
	const r = new Repository('prefixes', { hashes: ['sha512', 'sha256'] }), top = key('ed25519'), low = key('ed25519'), high = key('p256');
	const names = ['one', 'two', 'three', 'dir/four', 'dir/five'];
	const half = (digits) => names.filter((n) => digits.includes(sha('sha256', n)[0]));
	r.root({ root: [top], targets: [top], snapshot: [top], timestamp: [top] });
	r.targets('targets', [top], [], delegate([low, high], [
		delegated('low', [low], { pathHashPrefixes: [...'01234567'] }),
		delegated('high', [high], { pathHashPrefixes: [...'89abcde', ...[...'0123456789abcdef'].map((d) => `f${d}`)] }),
	]));
	r.targets('low', [low], [...half('01234567'), ...half('89abcdef').slice(0, 1)]); // the last is not low's to sign
	r.targets('high', [high], half('89abcdef').slice(1));
	r.finish([top], [top], [...half('01234567'), ...half('89abcdef').slice(1)], half('89abcdef').slice(0, 1));
}

function bins() {
	const r = new Repository('bins'), top = key('ed25519'), bin = key('ed25519');
	const succinct = new SuccinctRoles({ keyIDs: [bin.id], threshold: 1, bitLength: 5, namePrefix: 'bin' });
	const names = ['one', 'two', 'three', 'dir/four'];
	r.root({ root: [top], targets: [top], snapshot: [top], timestamp: [top] });
	r.targets('targets', [top], [], new Delegations({ keys: keysOf([bin]), succinctRoles: succinct }));
	for (const name of new Set(names.map((n) => succinct.getRoleForTarget(n))))
		r.targets(name, [bin], names.filter((n) => succinct.getRoleForTarget(n) === name));
	r.finish([top], [top], names, ['absent', 'dir/one']);
}

function rsa() {
	const r = new Repository('rsa', { consistent: false, measured: false, hashes: ['sha512'] });
	const top = key('rsa'), other = key('rsa_long_salt'), part = key('rsa');
	r.root({ root: [top], targets: [top], snapshot: [other], timestamp: [other] });
	r.targets('targets', [top], ['top.txt'], delegate([part], [delegated('part', [part], { paths: ['part/*'] })]));
	r.targets('part', [part], ['part/one.txt']);
	r.finish([other], [other], ['top.txt', 'part/one.txt'], ['part/absent.txt']);
}

// Ids that are no hashes, fields that nobody knows, a root behind the first, versions that do not begin at 1.
function ids() {
	const r = new Repository('ids', { measured: false });
	const ann = key('ed25519', 'ann', { 'x-owner': 'ann' }), bob = key('p256', 'the key of bob'), cyd = key('ed25519', '00');
	const more = { custom: { note: 'caf\u00e9 \u{1f511} "quoted" back\\slash', list: [1, -2, true, null, []] }, 'x-empty': {} };
	const roles = { root: [ann], targets: [ann], snapshot: [ann], timestamp: [ann] };
	r.root(roles, { more, spec: '1.0' });
	r.root({ root: [bob], targets: [bob], snapshot: [cyd], timestamp: [cyd] }, { version: 2, signers: [ann, bob], more });
	r.targets('targets', [bob], ['top.txt'], undefined, { version: 7, more });
	r.finish([cyd], [cyd], ['top.txt'], ['absent.txt'], 9);
}

for (const make of [nested, prefixes, bins, rsa, ids])
	make();
