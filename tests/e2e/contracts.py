# SPDX-License-Identifier: Apache-2.0
"""Contracts end to end: an ERC-20, a constant-product pool and an order book, compiled by solc, are
deployed and driven over raw UDP on a real gyrd, with reverts, calls that run out of gas and code of
the greatest size. The same blocks, as the log has them, run on anvil and on gyr-t8n. Equal must be:
each EXECUTED answer (status, gas, hash of the logs), each block's receipts root and transactions
root, and in the end every account's balance, nonce, code and slots. (Not anvil's state root: anvil
keeps accounts of its own.) gyrd's roots are asked for in its own words: a contract logs the hash of
the block before, which must be the one that ethereumjs makes of gyr-t8n's roots, from genesis on.

GYR_PEERS names a node_modules; without it, node or the pinned packages the test skips."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from differential import find_peer

GYRD, GYRCTL, T8N, SEND_RAW, ROOT = sys.argv[1:6]
HERE = os.path.dirname(os.path.abspath(__file__))
CHAIN_ID = 7790
GAS_LIMIT = 300000000
# anvil puts the contract of EIP-2935 there, which would keep anvil's own block hashes: it is taken
# away again, and what is left is an account that gyrd's genesis has too.
HISTORY = '0x0000f90827f1c53a10cb7a02335b175320002935'
FORKS = ['homestead', 'eip150', 'eip155', 'eip158', 'byzantium', 'constantinople', 'petersburg',
         'istanbul', 'berlin', 'london']


def expect(what, condition, detail=''):
    print('%-5s %s' % ('ok' if condition else 'FAIL', what), flush=True)
    if not condition:
        print(detail)
        sys.exit(1)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def node(peer, *words, given=None):
    run = subprocess.run(['node', HERE + '/contracts.mjs', peer, *words], text=True, input=given,
                         capture_output=True, timeout=600, check=False)
    expect('node ' + words[0], run.returncode == 0, run.stderr[-3000:])
    return json.loads(run.stdout)


def make_genesis(path, accounts):
    config = {name + 'Block': 0 for name in FORKS}
    config.update(chainId=CHAIN_ID, terminalTotalDifficulty=0, shanghaiTime=0, cancunTime=0,
                  pragueTime=0)
    genesis = {'config': config, 'nonce': '0x0', 'timestamp': '0x6553f100', 'extraData': '0x',
               'gasLimit': hex(GAS_LIMIT), 'difficulty': '0x0', 'mixHash': '0x' + '00' * 32,
               'coinbase': '0x' + '00' * 20, 'baseFeePerGas': '0x3b9aca00',
               'alloc': {account: {'balance': hex(10 ** 21)} for account in accounts}}
    genesis['alloc'][HISTORY] = {'balance': '0x1'}
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(genesis, file)
    return genesis


def send(port, txs):
    sent = subprocess.run([SEND_RAW, '127.0.0.1:%d' % port], text=True,
                          input=''.join(tx['raw'] + '\n' for tx in txs), capture_output=True,
                          timeout=300, check=False)
    expect('%d transactions are answered' % len(txs), sent.returncode == 0,
           sent.stderr + sent.stdout[-2000:])
    return [json.loads(line) for line in sent.stdout.splitlines()]


def run_gyrd(work, txs, later):
    """What gyrd answered to each transaction; the later ones wait for a block of their own."""
    port = free_port(socket.SOCK_DGRAM)
    with open(os.path.join(ROOT, 'hwconfig/loopback.yaml'), encoding='utf-8') as file:
        text = re.sub(r'port=9000', 'port=%d' % port, file.read())
    with open(os.path.join(work, 'gyr.yaml'), 'w', encoding='utf-8') as file:
        file.write(text)
    os.mkdir(os.path.join(work, 'data'))
    with open(os.path.join(work, 'gyrd.log'), 'w+', encoding='utf-8') as log:
        with subprocess.Popen([GYRD, '--config', os.path.join(work, 'gyr.yaml')], stdout=log,
                              stderr=subprocess.STDOUT) as server:
            try:
                answers = send(port, txs)
                for tx in later:
                    time.sleep(1.2)
                    answers += send(port, [tx])
            finally:
                server.send_signal(signal.SIGTERM)
                code = server.wait(timeout=120)
        log.seek(0)
        text = log.read()
    expect('gyrd ends with code 0', code == 0, text[-3000:])
    return answers


def blocks_of(data):
    """The log's genesis hash, and its EVM blocks with their transactions in order."""
    run = subprocess.run([GYRCTL, 'wal', 'dump', '--json', '--raw', data], text=True,
                         capture_output=True, check=True)
    blocks, genesis = [], None
    for line in run.stdout.splitlines():
        record = json.loads(line)
        if record['kind'] == 'evm_block':
            blocks.append({'number': record['number'], 'timestamp': record['timestamp_s'],
                           'coinbase': '0x' + record['fee_recipient'].removeprefix('0x'),
                           'random': '0x' + record['prev_randao'].removeprefix('0x'),
                           'gasLimit': record['gas_limit'], 'txs': []})
        elif record['kind'] == 'genesis':
            genesis = '0x' + record['genesis_hash'].removeprefix('0x')
        elif record['kind'] == 'tx':
            blocks[-1]['txs'].append('0x' + record['raw'].removeprefix('0x'))
    return genesis, blocks


def rlp_list(items):
    """The RLP of a list of transactions as a block's body has it: typed ones as strings."""
    def head(length, base):
        if length < 56:
            return bytes([base + length])
        size = (length.bit_length() + 7) // 8
        return bytes([base + 55 + size]) + length.to_bytes(size, 'big')
    body = b''
    for item in items:
        raw = bytes.fromhex(item[2:])
        body += raw if raw[0] >= 0xc0 else head(len(raw), 0x80) + raw
    return '0x' + (head(len(body), 0xc0) + body).hex()


def header_of(block, result):
    return {'coinbase': block['coinbase'], 'stateRoot': result['stateRoot'],
            'transactionsTrie': result['txRoot'], 'receiptTrie': result['receiptsRoot'],
            'logsBloom': result['logsBloom'], 'number': hex(block['number']),
            'gasLimit': hex(block['gasLimit']), 'gasUsed': result['gasUsed'],
            'timestamp': hex(block['timestamp']), 'mixHash': block['random'],
            'baseFeePerGas': result['currentBaseFee'], 'difficulty': '0x0',
            'withdrawalsRoot': result['withdrawalsRoot'], 'blobGasUsed': '0x0',
            'excessBlobGas': '0x0', 'parentBeaconBlockRoot': '0x' + '00' * 32,
            'requestsHash': result['requestsHash']}


def run_one(alloc, env, txs):
    given = {'alloc': alloc, 'env': env, 'txs': rlp_list(txs)}
    run = subprocess.run([T8N, '--state.fork', 'Prague', '--state.chainid', str(CHAIN_ID),
                          '--input.alloc', 'stdin', '--input.env', 'stdin', '--input.txs',
                          'stdin', '--output.result', 'stdout', '--output.alloc', 'stdout'],
                         text=True, input=json.dumps(given), capture_output=True, timeout=120,
                         check=False)
    if run.returncode != 0:
        expect('gyr-t8n', False, run.stderr)
    out = json.loads(run.stdout)
    return out['alloc'], out['result']


def run_t8n(peer, genesis, blocks, asks):
    """Each block's result, and the hash of genesis; fills in base fees. Where a transaction asks
    for the hash of the block before, it gets ethereumjs's of what is known so far."""
    zero = {'number': 0, 'timestamp': int(genesis['timestamp'], 16), 'gasLimit': GAS_LIMIT,
            'coinbase': genesis['coinbase'], 'random': genesis['mixHash']}
    _, parent = run_one(genesis['alloc'], {
        'currentCoinbase': zero['coinbase'], 'currentGasLimit': GAS_LIMIT, 'currentNumber': 1,
        'currentTimestamp': zero['timestamp'], 'currentRandom': zero['random'],
        'currentBaseFee': genesis['baseFeePerGas']}, [])
    headers, hashes = [header_of(zero, parent)], ['0x' + '00' * 32]
    alloc, results = genesis['alloc'], []
    for block in blocks:
        env = {'currentCoinbase': block['coinbase'], 'currentGasLimit': block['gasLimit'],
               'currentNumber': block['number'], 'currentTimestamp': block['timestamp'],
               'currentRandom': block['random'], 'parentBaseFee': parent['currentBaseFee'],
               'parentGasUsed': parent['gasUsed'], 'parentGasLimit': hex(GAS_LIMIT)}
        if not asks.isdisjoint(block['txs']):
            hashes += node(peer, 'hash', given=json.dumps({'parent': hashes[-1],
                                                           'headers': headers}))
            headers = []
            env['blockHashes'] = {str(block['number'] - 1): hashes[-1]}
        alloc, parent = run_one(alloc, env, block['txs'])
        block['baseFee'] = int(parent['currentBaseFee'], 16)
        headers.append(header_of(block, parent))
        results.append(parent)
    return results, hashes[1], alloc


def run_anvil(peer, work, blocks, alloc):
    port = free_port(socket.SOCK_STREAM)
    url = 'http://127.0.0.1:%d' % port
    words = [os.path.join(peer, '@foundry-rs/anvil-linux-amd64/bin/anvil'), '--init',
             os.path.join(work, 'genesis.json'), '--hardfork', 'prague', '--chain-id',
             str(CHAIN_ID), '--port', str(port), '--no-mining', '--order', 'fifo', '--accounts',
             '0', '--gas-limit', str(GAS_LIMIT), '--disable-default-create2-deployer', '--silent']
    with subprocess.Popen(words) as anvil:
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(url, b'{}', timeout=5).close()
                    break
                except OSError:
                    expect('anvil runs', anvil.poll() is None)
                    time.sleep(0.1)
            return node(peer, 'replay', url, HISTORY, given=json.dumps(
                {'blocks': blocks, 'alloc': alloc}))
        finally:
            anvil.terminate()
            anvil.wait(timeout=60)


def keccak_of_logs(peer, receipts):
    return node(peer, 'logs', given=json.dumps([receipt['logs'] for receipt in receipts]))


def compare(peer, answers, blocks, ours, anvil, asks):
    failed = asked = 0
    for block, mine, other in zip(blocks, ours, anvil):
        name = 'block %d, %d transactions: ' % (block['number'], len(block['txs']))
        expect(name + 'nothing skipped', mine['rejected'] == [], mine['rejected'])
        own = not asks.isdisjoint(block['txs'])
        hashes = keccak_of_logs(peer, mine['receipts']) if block['txs'] else []
        for raw, receipt, there, logs in zip(block['txs'], mine['receipts'], other['receipts'],
                                             hashes):
            title, answer = answers[raw]
            got = (answer['status'], answer['gas'], answer['logsHash'], answer['block'])
            t8n = (int(receipt['status'], 16), int(receipt['gasUsed'], 16), logs, block['number'])
            want = (there['status'], there['gas'], logs if raw in asks else there['logsHash'],
                    block['number'])
            if not got == want == t8n:
                expect('%s: %s' % (name, title), False, 'gyrd %s, anvil %s, gyr-t8n %s' % (
                    got, want, t8n))
            failed += 1 - there['status']
            asked += raw in asks
        for key in ('txRoot',) + (() if own else ('receiptsRoot',)):
            expect(name + key, mine[key] == other[key], 'gyr %s, anvil %s' % (
                mine[key], other[key]))
    expect("%d times gyrd's own hash of the block before is the one of these roots" % asked,
           asked == len(asks))
    return failed


def compare_accounts(alloc, anvil):
    for name, account in alloc.items():
        there = anvil[name]
        same = (int(account['balance'], 16) == int(there['balance'], 16) and
                int(account.get('nonce', '0x0'), 16) == int(there['nonce'], 16) and
                account.get('code', '0x') == there['code'] and
                account.get('storage', {}) == there['storage'])
        if not same:
            expect('account ' + name, False, 'gyr %s, anvil %s' % (account, there))
    expect('%d accounts and %d slots are equal in the end' % (len(alloc), sum(
        len(account.get('storage', {})) for account in alloc.values())), True)


def main():
    peer = find_peer(ROOT)
    if not os.path.exists(os.path.join(peer, '@foundry-rs/anvil-linux-amd64/bin/anvil')):
        print('skipped: no anvil for this machine')
        return 77
    work = tempfile.mkdtemp(prefix='gyr-e2e-')
    try:
        prepared = node(peer, 'prepare', HERE + '/contracts', str(CHAIN_ID))
        txs = prepared['txs'] + prepared['later']
        asks = {tx['raw'] for tx in prepared['later']}
        genesis = make_genesis(os.path.join(work, 'genesis.json'), prepared['accounts'])
        answers = run_gyrd(work, prepared['txs'], prepared['later'])
        bad = [(tx['name'], answer) for tx, answer in zip(txs, answers)
               if answer['outcome'] != 'executed']
        expect('%d transactions EXECUTED' % len(txs), not bad, bad)
        log_genesis, blocks = blocks_of(os.path.join(work, 'data'))
        expect('the log has them all', sum(len(block['txs']) for block in blocks) == len(txs))
        ours, genesis_hash, alloc = run_t8n(peer, genesis, blocks, asks)
        expect("genesis has ethereumjs's hash", log_genesis == genesis_hash,
               '%s, not %s' % (log_genesis, genesis_hash))
        named = {tx['raw']: (tx['name'], answer) for tx, answer in zip(txs, answers)}
        anvil = run_anvil(peer, work, blocks, alloc)
        failed = compare(peer, named, blocks, ours, anvil['blocks'], asks)
        compare_accounts(alloc, anvil['accounts'])
        expect('%d of %d transactions failed, as they should' % (failed, len(txs)), failed >= 10)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
