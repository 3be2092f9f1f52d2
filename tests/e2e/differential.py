# SPDX-License-Identifier: Apache-2.0
"""Random blocks through gyr-t8n and through ethereumjs: status, gas, output, logs, rejected
transactions, receipts root and state root must be equal.

    differential.py GENERATE GYR_T8N ROOT [--blocks N] [--txs N] [--seed S] [--first N] [--fork F]

ROOT is the source tree, where tools/fetch-peers finds the peer's pinned packages (GYR_PEERS names
a node_modules that is there already). Without node or the packages the test skips. A block that
differs is written to differs-SEED-NUMBER.json, and can be made again from seed and number."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

SKIP = 77
BATCH = 50  # blocks that a process runs


def find_peer(root):
    """The peer's node_modules, or the end of the test."""
    if shutil.which('node') is None:
        print('skipped: node is not installed (tools/packages test)')
        sys.exit(SKIP)
    given = os.environ.get('GYR_PEERS')
    if given:
        return given
    run = subprocess.run([root + '/tools/fetch-peers', root + '/build-deps'], text=True,
                         capture_output=True, check=False)
    if run.returncode != 0:
        print('skipped: ' + run.stdout.strip())
        sys.exit(SKIP)
    return run.stdout.strip()


def ours(answer):
    """A line of gyr-t8n in the shape of the peer's."""
    results = []
    for receipt in answer['receipts']:
        results.append({
            'status': int(receipt['status'], 16),
            'gas': int(receipt['gasUsed'], 16),
            'output': receipt['output'],
            'logs': [[log['address'], log['topics'], log['data']] for log in receipt['logs']],
            # What a creation returns is its code: compared by the state root.
            'created': int(receipt['contractAddress'], 16) != 0 and receipt['status'] == '0x1',
        })
    return {'stateRoot': answer['stateRoot'], 'receiptsRoot': answer['receiptsRoot'],
            'rejected': [entry['index'] for entry in answer['rejected']], 'results': results}


def differences(gyr, peer):
    """What differs in a block, as lines."""
    if 'error' in gyr or 'error' in peer:
        return ['gyr: %s, peer: %s' % (gyr.get('error', 'ran'), peer.get('error', 'ran'))]
    codes = {entry['index']: entry['code'] for entry in gyr['rejected']}
    reasons = dict(peer['rejected'])
    gyr = ours(gyr)
    found = ['transaction %d: gyr %s, peer %s' % (index, codes.get(index, 'ran'),
                                                 reasons.get(index, 'ran'))
             for index in sorted(set(codes) ^ set(reasons))]
    if not found:
        for number, (mine, other) in enumerate(zip(gyr['results'], peer['results'])):
            for key in ('status', 'gas', 'output', 'logs'):
                if mine[key] != other[key] and not (key == 'output' and mine['created']):
                    found.append('receipt %d: %s: gyr %s, peer %s' % (
                        number, key, str(mine[key])[:300], str(other[key])[:300]))
    for key in ('receiptsRoot', 'stateRoot'):
        if gyr[key] != peer[key]:
            found.append('%s: gyr %s, peer %s' % (key, gyr[key], peer[key]))
    return found


def run_batch(work, generate, gyr, peer):
    """Makes a batch of blocks and runs both over it; yields each block's line and its answers."""
    paths = [os.path.join(work, name) for name in ('blocks', 'gyr', 'peer')]
    with open(paths[0], 'wb') as out:
        subprocess.run(generate, stdout=out, check=True)
    runs = []
    for words, path in ((gyr, paths[1]), (peer, paths[2])):
        with open(paths[0], 'rb') as given, open(path, 'wb') as out:
            # pylint: disable-next=consider-using-with
            runs.append(subprocess.Popen(words, stdin=given, stdout=out))
    codes = [run.wait() for run in runs]
    files = [open(path, 'rb') for path in paths]  # pylint: disable=consider-using-with
    lines = [file.readlines() for file in files]
    for file in files:
        file.close()
    if any(codes) or len({len(part) for part in lines}) != 1:
        raise SystemExit('exit codes %s, %s lines' % (codes, [len(part) for part in lines]))
    for block, mine, other in zip(*lines):
        yield block, json.loads(mine), json.loads(other)


class Totals:
    def __init__(self):
        self.blocks = self.differing = self.executed = self.rejected = self.succeeded = 0
        self.gas = self.programs = self.logs = 0

    def add(self, block, gyr):
        self.blocks += 1
        self.programs += sum('code' in account for account in block['alloc'].values())
        self.rejected += len(gyr.get('rejected', []))
        for receipt in gyr.get('receipts', []):
            self.executed += 1
            self.succeeded += receipt['status'] == '0x1'
            self.gas += int(receipt['gasUsed'], 16)
            self.logs += len(receipt['logs'])

    def text(self, seconds):
        return ('%d blocks, %d transactions (%d executed, %d of them with success, %d rejected), '
                '%d programs before them, %d logs, %.0f Mgas in %.0f s: %.0f transactions/s; '
                '%d blocks differ' % (
                    self.blocks, self.executed + self.rejected, self.executed, self.succeeded,
                    self.rejected, self.programs, self.logs, self.gas / 1e6, seconds,
                    (self.executed + self.rejected) / max(seconds, 1e-9), self.differing))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('generate')
    parser.add_argument('t8n')
    parser.add_argument('root')
    parser.add_argument('--blocks', type=int, default=12)
    parser.add_argument('--txs', type=int, default=32)
    parser.add_argument('--seed', type=int, default=int(os.environ.get('GYR_SEED', '1')))
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--fork', default='Prague')
    args = parser.parse_args()
    peer_folder = find_peer(args.root)
    here = os.path.dirname(os.path.abspath(__file__))
    gyr = [args.t8n, '--lines', '--state.fork', args.fork]
    peer = ['node', '--max-semi-space-size=64', here + '/peer_ethereumjs.mjs', peer_folder]
    print('# seed %d, blocks %d to %d, %d transactions each, %s' % (
        args.seed, args.first, args.first + args.blocks - 1, args.txs, args.fork), flush=True)
    totals, start = Totals(), time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        for first in range(args.first, args.first + args.blocks, BATCH):
            count = min(BATCH, args.first + args.blocks - first)
            words = [args.generate, '--seed', args.seed, '--first', first, '--blocks', count,
                     '--txs', args.txs, '--fork', args.fork]
            for line, mine, other in run_batch(work, [str(word) for word in words], gyr, peer):
                block = json.loads(line)
                totals.add(block, mine)
                found = differences(mine, other)
                if found:
                    totals.differing += 1
                    print('%s:\n  %s' % (block['name'], '\n  '.join(found[:6])), flush=True)
                    name = 'differs-%s.json' % block['name'].replace('/', '-')
                    with open(name, 'wb') as file:
                        file.write(line)
            print(totals.text(time.monotonic() - start), flush=True)
    if totals.executed < totals.blocks:
        print('the generator made next to nothing that executes')
        return 1
    return 1 if totals.differing else 0


if __name__ == '__main__':
    sys.exit(main())
