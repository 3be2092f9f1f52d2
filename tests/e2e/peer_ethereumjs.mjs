// SPDX-License-Identifier: Apache-2.0
// Runs blocks of `gyr-t8n --lines` on ethereumjs and writes what it got, one line each:
//   node peer_ethereumjs.mjs NODE_MODULES < blocks.jsonl > results.jsonl
// A line of the answer has stateRoot, receiptsRoot, rejected (indexes) and, per transaction, status,
// gas used, output, and logs. Block hashes come from the input; a rejected transaction is one that
// the library throws at.
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = join(process.argv[2], '@ethereumjs');
const load = (name) => import(pathToFileURL(join(folder, name)).href);
const { createVM, encodeReceipt, runTx } = await load('vm/dist/esm/index.js');
const { accumulateParentBlockHash, accumulateParentBeaconBlockRoot } =
	await load('vm/dist/esm/runBlock.js');
const { Common, Mainnet } = await load('common/dist/esm/index.js');
const { createBlock } = await load('block/dist/esm/index.js');
const { createTxFromBlockBodyData } = await load('tx/dist/esm/index.js');
const { MerklePatriciaTrie } = await load('mpt/dist/esm/index.js');
const { Caches, MerkleStateManager } = await load('statemanager/dist/esm/index.js');
const { RLP } = await load('rlp/dist/esm/index.js');
const { Account, bytesToHex, createAddressFromString, hexToBytes, setLengthLeft } =
	await load('util/dist/esm/index.js');
const { recover } = await import(
	pathToFileURL(join(process.argv[2], 'tiny-secp256k1/lib/index.js')).href);

// Point evaluation: the only proof that the generator can make is that of the zero polynomial.
const infinity = '0xc0' + '00'.repeat(47);
const kzg = {
	verifyProof: (commitment, z, y, proof) =>
		commitment === infinity && proof === infinity && /^0x0*$/.test(y),
};

// libsecp256k1 as WebAssembly in the place of the library's slower own, for transactions and the
// precompile; authorizations are recovered by its own all the same.
function ecrecover(hash, v, r, s, chainId) {
	const given = BigInt(v);
	const first = chainId === undefined ? 27n : 2n * chainId + 35n;
	const parity = given <= 1n ? given : given - first;
	const signature = new Uint8Array(64);

	if (parity !== 0n && parity !== 1n)
		throw new Error('v');
	signature.set(r, 32 - r.length);
	signature.set(s, 64 - s.length);
	const key = recover(hash, signature, Number(parity), false);

	if (key === null)
		throw new Error('no key');
	return key.slice(1);
}

function bytes(hex) {
	const digits = hex.startsWith('0x') ? hex.slice(2) : hex;

	return hexToBytes('0x' + (digits.length % 2 === 1 ? '0' + digits : digits));
}

function unpadded(value) {
	let i = 0;

	while (i < value.length && value[i] === 0)
		i++;
	return value.slice(i);
}

async function loadState(vm, alloc) {
	const state = vm.stateManager;

	await state.checkpoint();
	for (const [name, account] of Object.entries(alloc)) {
		const address = createAddressFromString(name);

		await state.putAccount(address,
			new Account(BigInt(account.nonce ?? 0), BigInt(account.balance ?? 0)));
		if (account.code !== undefined && account.code.length > 2)
			await state.putCode(address, bytes(account.code));
		for (const [key, value] of Object.entries(account.storage ?? {}))
			await state.putStorage(address, setLengthLeft(bytes(key), 32),
				unpadded(bytes(value)));
	}
	await state.commit();
}

function makeBlock(env, common) {
	const zero = '0x' + '00'.repeat(32);

	return createBlock({
		header: {
			coinbase: env.currentCoinbase,
			number: BigInt(env.currentNumber),
			timestamp: BigInt(env.currentTimestamp),
			gasLimit: BigInt(env.currentGasLimit),
			baseFeePerGas: BigInt(env.currentBaseFee),
			mixHash: setLengthLeft(bytes(env.currentRandom), 32),
			excessBlobGas: BigInt(env.currentExcessBlobGas ?? 0),
			blobGasUsed: 0n,
			parentBeaconBlockRoot: bytes(env.parentBeaconBlockRoot ?? zero),
		},
	}, { common, skipConsensusFormatValidation: true });
}

async function run(given) {
	const common = new Common({ chain: Mainnet, hardfork: given.fork.toLowerCase(),
		customCrypto: { kzg, ecrecover } });
	const hashes = given.env.blockHashes ?? {};
	const blockchain = {
		getBlock: async (number) => ({ hash: () => bytes(hashes[String(number)]) }),
		putBlock: async () => {},
		shallowCopy() { return this; },
	};
	const stateManager = new MerkleStateManager({ common, caches: new Caches() });
	const vm = await createVM({ common, blockchain, stateManager });
	const block = makeBlock(given.env, common);
	const number = BigInt(given.env.currentNumber);
	const parent = hashes[String(number - 1n)];
	const receipts = [], rejected = [], results = [];
	let used = 0n;

	await loadState(vm, given.alloc);
	// One flush to the trie in the end, not one per transaction.
	await vm.evm.journal.checkpoint();
	if (parent !== undefined)
		await accumulateParentBlockHash(vm, number, bytes(parent));
	await accumulateParentBeaconBlockRoot(vm, block.header.parentBeaconBlockRoot,
		block.header.timestamp);
	for (const [index, item] of RLP.decode(hexToBytes(given.txs)).entries()) {
		try {
			const tx = createTxFromBlockBodyData(item, { common });

			if (!tx.isValid())
				throw new Error(tx.getValidationErrors().join(', '));
			if (tx.gasLimit > block.header.gasLimit - used)
				throw new Error('block gas');
			const result = await runTx(vm, { tx, block, blockGasUsed: used });

			used += result.totalGasSpent;
			receipts.push(encodeReceipt(result.receipt, tx.type));
			results.push({
				status: result.receipt.status,
				gas: Number(result.totalGasSpent),
				output: bytesToHex(result.execResult.returnValue),
				logs: (result.execResult.logs ?? []).map(([address, topics, data]) =>
					[bytesToHex(address), topics.map(bytesToHex), bytesToHex(data)]),
			});
		} catch (error) {
			rejected.push([index, String(error.message).slice(0, 100)]);
		}
	}
	await vm.evm.journal.commit();
	const trie = new MerklePatriciaTrie();

	for (const [index, receipt] of receipts.entries())
		await trie.put(RLP.encode(index), receipt);
	return {
		name: given.name,
		stateRoot: bytesToHex(await vm.stateManager.getStateRoot()),
		receiptsRoot: bytesToHex(trie.root()),
		rejected, results,
	};
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
	let answer;

	try {
		answer = await run(JSON.parse(line));
	} catch (error) {
		answer = { error: String(error.stack).slice(0, 600) };
	}
	if (!process.stdout.write(JSON.stringify(answer) + '\n'))
		await new Promise((resolve) => process.stdout.once('drain', resolve));
}
