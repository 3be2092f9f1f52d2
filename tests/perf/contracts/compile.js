// SPDX-License-Identifier: Apache-2.0
// Compiles the contracts of the benchmark into contracts_code.h, next to this folder:
//   npm install --no-save solc@0.8.28 && node tests/perf/contracts/compile.js &&
//   clang-format -i tests/perf/contracts_code.h
const fs = require('fs');
const path = require('path');
const solc = require(require.resolve('solc', { paths: [process.cwd(), __dirname] }));

const names = ['token', 'pool'];
const settings = {
	optimizer: { enabled: true, runs: 200 },
	evmVersion: 'cancun',
	metadata: { bytecodeHash: 'none', appendCBOR: false },
	outputSelection: { '*': { '*': ['evm.deployedBytecode.object'] } },
};
const sources = {};
for (const name of names)
	sources[name] = { content: fs.readFileSync(path.join(__dirname, name + '.sol'), 'utf8') };
const out = JSON.parse(solc.compile(JSON.stringify({ language: 'Solidity', sources, settings })));
for (const error of out.errors ?? [])
	console.error(error.formattedMessage);

let text = '/* SPDX-License-Identifier: Apache-2.0 */\n' +
	'/*\n * Run-time code of the contracts in contracts/, written by contracts/compile.js with solc\n * ' +
	solc.version() + ', optimizer with 200 runs, for Cancun, without\n * metadata. Not edited by hand.\n */\n' +
	'#ifndef CONTRACTS_CODE_H\n#define CONTRACTS_CODE_H\n\n#include <stdint.h>\n';
for (const name of names) {
	const contract = name[0].toUpperCase() + name.slice(1);
	const code = Buffer.from(out.contracts[name][contract].evm.deployedBytecode.object, 'hex');
	text += `\nstatic const uint8_t contracts_${name}[${code.length}] = {\n`;
	for (let i = 0; i < code.length; i += 14)
		text += '\t' + [...code.subarray(i, i + 14)]
			.map((byte) => '0x' + byte.toString(16).padStart(2, '0') + ',').join(' ') + '\n';
	text += '};\n';
}
text += '\n#endif\n';
fs.writeFileSync(path.join(__dirname, '..', 'contracts_code.h'), text);
