// SPDX-License-Identifier: Apache-2.0
// The contracts' part that needs JavaScript: compiling with solc, signing with ethereumjs, and
// running the same blocks on anvil.
//   node contracts.mjs NODE_MODULES prepare FOLDER CHAIN_ID    transactions as JSON
//   node contracts.mjs NODE_MODULES replay URL HISTORY         blocks from standard input, as JSON
//   node contracts.mjs NODE_MODULES hash                       headers' hashes, each the next's parent
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, command, ...rest] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(resolve(modules), '@ethereumjs', name,
	'dist/esm/index.js')).href);
const { Common, Mainnet } = await load('common');
const { createTx } = await load('tx');
const { RLP } = await load('rlp');
const { bytesToHex, createAddressFromPrivateKey, createContractAddress, createAddressFromString,
	hexToBytes, utf8ToBytes } = await load('util');

function keys(count) {
	return Array.from({ length: count }, (_, i) => {
		const secret = hexToBytes('0x' + (i + 1).toString(16).padStart(2, '0').repeat(32));

		return { secret, address: createAddressFromPrivateKey(secret), nonce: 0n };
	});
}

function compile(folder) {
	const solc = createRequire(join(resolve(modules), 'x.js'))('solc');
	const sources = {};

	for (const name of readdirSync(folder).filter((name) => name.endsWith('.sol')))
		sources[name] = { content: readFileSync(join(folder, name), 'utf8') };
	const answer = JSON.parse(solc.compile(JSON.stringify({
		language: 'Solidity', sources,
		settings: {
			evmVersion: 'prague', optimizer: { enabled: true, runs: 200 },
			outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } },
		},
	})));
	const bad = (answer.errors ?? []).filter((error) => error.severity === 'error');

	if (bad.length > 0)
		throw new Error(bad.map((error) => error.formattedMessage).join('\n'));
	return Object.fromEntries(Object.values(answer.contracts)
		.flatMap((file) => Object.entries(file)));
}

const word = (value) => BigInt(value).toString(16).padStart(64, '0');

// Static arguments, and strings: numbers, addresses and booleans as words, strings behind them.
function encode(...values) {
	let heads = '', tails = '';

	for (const value of values) {
		if (typeof value !== 'string' || value.startsWith('0x')) {
			heads += word(value);
			continue;
		}
		const bytes = bytesToHex(utf8ToBytes(value)).slice(2);

		heads += word(32 * values.length + tails.length / 2);
		tails += word(bytes.length / 2) + bytes.padEnd(Math.ceil(bytes.length / 64) * 64, '0');
	}
	return heads + tails;
}

function prepare(folder, chainId) {
	const built = compile(folder);
	const people = keys(5);
	const common = new Common({ chain: { ...Mainnet, chainId: Number(chainId) },
		hardfork: 'prague' });
	const txs = [];

	// Types 0, 1 and 2 by turns.
	function send(name, who, to, data, gas = 1000000n, value = 0n) {
		const person = people[who];
		const type = txs.length % 3;
		const fees = type === 2
			? { maxFeePerGas: 3000000000n, maxPriorityFeePerGas: 1000000n }
			: { gasPrice: 2000000000n };
		const given = { type, nonce: person.nonce++, gasLimit: gas, value,
			data: hexToBytes('0x' + data), ...fees };

		if (to !== null)
			given.to = createAddressFromString(to);
		const tx = createTx(given, { common }).sign(person.secret);

		txs.push({ name, raw: bytesToHex(tx.serialize()) });
	}
	function deploy(name, who, contract, ...values) {
		const address = createContractAddress(people[who].address, people[who].nonce);

		send('deploy ' + name, who, null, built[contract].evm.bytecode.object + encode(...values),
			5000000n);
		return address.toString();
	}
	function call(name, who, contract, address, method, ...values) {
		const found = Object.entries(built[contract].evm.methodIdentifiers)
			.find(([signature]) => signature.startsWith(method + '('));

		send(name, who, address, found[1] + encode(...values));
	}
	const max = (1n << 256n) - 1n;
	const gold = deploy('token', 0, 'Token', 'Gold', 'GLD', 10n ** 24n);
	const coin = deploy('token', 1, 'Token', 'A coin whose name is longer than one word is',
		'COIN', 10n ** 24n);
	const pool = deploy('pool', 0, 'Pool', gold, coin);
	const book = deploy('book', 1, 'Book', gold, coin);

	deploy('pool of one token', 2, 'Pool', gold, gold); // reverts
	// Code of the greatest size, in a transaction of 24 KB; and code that may not be deployed.
	send('deploy 24,576 bytes', 2, null, '61600080600a3d393df3' + '5b'.repeat(24576), 7000000n);
	send('deploy 24,577 bytes', 2, null, '61600180600a3d393df3' + '5b'.repeat(24577), 7000000n);
	send('deploy code with 0xef', 2, null, '60ef5f5360015ff3');
	for (const token of [gold, coin])
		for (let i = 0; i < 5; i++) {
			const owner = token === gold ? 0 : 1;

			if (i !== owner)
				call('transfer', owner, 'Token', token, 'transfer', people[i].address.toString(),
					10n ** 20n);
			for (const spender of [pool, book])
				call('approve', i, 'Token', token, 'approve', spender, i === 4 ? 1000n : max);
		}
	call('transfer of too much', 3, 'Token', gold, 'transfer', people[0].address.toString(), 10n ** 30n);
	call('transfer to oneself', 3, 'Token', gold, 'transfer', people[3].address.toString(), 5n);
	call('transferFrom, allowance too low', 2, 'Token', gold, 'transferFrom',
		people[0].address.toString(), people[2].address.toString(), 5n);
	send('transfer, out of gas', 3, gold, built.Token.evm.methodIdentifiers['transfer(address,uint256)'] +
		encode(pool, 7n), 30000n);
	send('no such method', 3, gold, 'deadbeef');
	send('ether to a contract', 3, gold, '', 50000n, 5n);
	send('ether', 3, people[4].address.toString(), '', 21000n, 12345n);
	call('add', 0, 'Pool', pool, 'add', 10n ** 19n, 4n * 10n ** 19n);
	call('add', 1, 'Pool', pool, 'add', 10n ** 18n, 4n * 10n ** 18n);
	for (let i = 0; i < 24; i++) {
		const firstIn = i % 3 !== 0;

		call('swap', i % 4, 'Pool', pool, 'swap', firstIn ? 1n : 0n,
			BigInt(i + 1) * 10n ** 16n, i === 20 ? max : 0n);
	}
	call('swap, allowance too low', 4, 'Pool', pool, 'swap', 1n, 10n ** 16n, 0n);
	call('remove', 1, 'Pool', pool, 'remove', 10n ** 17n);
	call('remove too much', 2, 'Pool', pool, 'remove', 10n ** 17n);
	for (let i = 0; i < 30; i++)
		call('order', i % 4, 'Book', book, 'place', BigInt(i % 2), BigInt(50 + (i * 7) % 11),
			BigInt(1000 + 37 * i));
	call('order, allowance too low', 4, 'Book', book, 'place', 1n, 60n, 10n ** 6n);
	call('order without price', 3, 'Book', book, 'place', 1n, 0n, 10n);
	for (let i = 1; i < 12; i++)
		call('withdraw', i % 4, 'Book', book, 'withdraw', BigInt(i % 2), BigInt(50 + ((i - 1) * 7) % 11),
			BigInt(i));
	call('take much', 2, 'Book', book, 'place', 1n, 255n, 20000n);
	call('take much', 3, 'Book', book, 'place', 0n, 1n, 20000n);
	// Logs the hash of the block before its own.
	const watch = createContractAddress(people[4].address, people[4].nonce).toString();

	send('deploy watch', 4, null, '600c8060093d393df3' + '60014303405f5260205fa000');
	const count = txs.length;

	for (let i = 0; i < 3; i++)
		send('block hash', 4, watch, '');
	return { txs: txs.slice(0, count), later: txs.slice(count), accounts: people.map((person) => person.address.toString()),
		contracts: { gold, coin, pool, book } };
}

let requests = 0;

async function rpc(url, method, ...params) {
	const answer = await fetch(url, {
		method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: ++requests, method, params }),
	});
	const { result, error } = await answer.json();

	if (error !== undefined)
		throw new Error(method + ': ' + JSON.stringify(error));
	return result;
}

async function replay(url, history) {
	const { keccak_256: keccak } = await import(pathToFileURL(join(resolve(modules),
		'@noble/hashes/sha3.js')).href);
	const { blocks, alloc } = JSON.parse(readFileSync(0, 'utf8'));
	const hex = (value) => '0x' + BigInt(value).toString(16);
	const answer = [];

	await rpc(url, 'anvil_setCode', history, '0x');
	await rpc(url, 'anvil_setNonce', history, '0x0');
	await rpc(url, 'anvil_setBalance', history, '0x1');

	for (const block of blocks) {
		const hashes = [];

		for (const raw of block.txs)
			hashes.push(await rpc(url, 'eth_sendRawTransaction', raw));
		await rpc(url, 'anvil_setCoinbase', block.coinbase);
		await rpc(url, 'evm_setNextBlockTimestamp', hex(block.timestamp));
		await rpc(url, 'anvil_setNextBlockBaseFeePerGas', hex(block.baseFee));
		await rpc(url, 'evm_mine');
		const made = await rpc(url, 'eth_getBlockByNumber', hex(block.number), false);
		const receipts = [];

		if (made === null || made.transactions.join() !== hashes.join())
			throw new Error('block ' + block.number + ': anvil made it of other transactions');
		for (const hash of hashes) {
			const receipt = await rpc(url, 'eth_getTransactionReceipt', hash);
			const logs = receipt.logs.map((log) => [hexToBytes(log.address),
				log.topics.map(hexToBytes), hexToBytes(log.data)]);

			receipts.push({ status: Number(receipt.status), gas: Number(receipt.gasUsed),
				logsHash: bytesToHex(keccak(RLP.encode(logs))) });
		}
		answer.push({ number: block.number, stateRoot: made.stateRoot,
			receiptsRoot: made.receiptsRoot, txRoot: made.transactionsRoot,
			timestamp: Number(made.timestamp), baseFee: Number(made.baseFeePerGas),
			gasUsed: Number(made.gasUsed), receipts });
	}
	// What the accounts hold in the end: those that gyr-t8n has, with the slots that it has.
	const accounts = {};

	for (const [name, account] of Object.entries(alloc)) {
		const storage = {};

		for (const key of Object.keys(account.storage ?? {}))
			storage[key] = await rpc(url, 'eth_getStorageAt', name, key, 'latest');
		accounts[name] = { storage,
			balance: await rpc(url, 'eth_getBalance', name, 'latest'),
			nonce: await rpc(url, 'eth_getTransactionCount', name, 'latest'),
			code: await rpc(url, 'eth_getCode', name, 'latest') };
	}
	return { blocks: answer, accounts };
}

async function hash() {
	const { createBlockHeader } = await load('block');
	const common = new Common({ chain: Mainnet, hardfork: 'prague' });
	const { parent, headers } = JSON.parse(readFileSync(0, 'utf8'));
	const hashes = [];

	for (const header of headers)
		hashes.push(bytesToHex(createBlockHeader({ ...header,
			parentHash: hashes.at(-1) ?? parent },
			{ common, skipConsensusFormatValidation: true }).hash()));
	return hashes;
}

async function logs() {
	const { keccak_256: keccak } = await import(pathToFileURL(join(resolve(modules),
		'@noble/hashes/sha3.js')).href);

	return JSON.parse(readFileSync(0, 'utf8')).map((list) => bytesToHex(keccak(RLP.encode(
		list.map((log) => [hexToBytes(log.address), log.topics.map(hexToBytes),
			hexToBytes(log.data)])))));
}

const answers = { prepare, replay, hash, logs };

console.log(JSON.stringify(await answers[command](...rest)));
