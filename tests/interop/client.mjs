// tuf-js behind the command line that our own front end has (tests/tuf_client_main.c), as far as the tests need it:
//   node client.mjs --metadata-dir DIR --metadata-url URL [--target-name NAME]... [--target-dir TDIR --target-base-url TURL] refresh | download
// DIR holds the trusted root.json already. Exits 0 when all of it was done, else 1.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Updater } from 'tuf-js';

const { values: said, positionals: [word] } = parseArgs({
	allowPositionals: true,
	options: {
		'metadata-dir': { type: 'string' },
		'metadata-url': { type: 'string' },
		'target-name': { type: 'string', multiple: true, default: [] },
		'target-dir': { type: 'string' },
		'target-base-url': { type: 'string' },
	},
});

try {
	const updater = new Updater({
		metadataDir: said['metadata-dir'],
		metadataBaseUrl: said['metadata-url'],
		targetDir: said['target-dir'],
		targetBaseUrl: said['target-base-url'],
		config: { fetchRetries: 0 },
	});
	await updater.refresh();
	for (const name of word === 'download' ? said['target-name'] : []) {
		const target = await updater.getTargetInfo(name);
		if (!target)
			throw new Error(`${name}: nobody signs for it`);
		const file = path.join(said['target-dir'], name);
		fs.mkdirSync(path.dirname(file), { recursive: true });
		await updater.downloadTarget(target, file);
	}
} catch (e) {
	console.error(`tuf-js: ${e}`);
	process.exit(1);
}
