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
import time

SKIP = 77


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


class Pipe:
    """A program that answers a line with a line."""

    def __init__(self, words):
        self.words = words
        # pylint: disable-next=consider-using-with
        self.run = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.run.stdin.write(line)
        self.run.stdin.flush()

    def answer(self):
        line = self.run.stdout.readline()
        if not line:
            raise SystemExit('%s ended: exit %s' % (self.words[0], self.run.wait()))
        return json.loads(line)

    def close(self):
        self.run.stdin.close()
        return self.run.wait(60)


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
    command = [args.generate, '--seed', args.seed, '--first', args.first, '--blocks', args.blocks,
               '--txs', args.txs, '--fork', args.fork]
    print('# ' + ' '.join(os.path.basename(str(word)) for word in command), flush=True)
    gyr = Pipe([args.t8n, '--lines', '--state.fork', args.fork])
    peer = Pipe(['node', '--max-semi-space-size=64', here + '/peer_ethereumjs.mjs', peer_folder])
    totals, start, told = Totals(), time.monotonic(), 0.0
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE) as source:
        for line in source.stdout:
            peer.ask(line)
            gyr.ask(line)
            mine, other = gyr.answer(), peer.answer()
            block = json.loads(line)
            totals.add(block, mine)
            found = differences(mine, other)
            if found:
                totals.differing += 1
                print('%s:\n  %s' % (block['name'], '\n  '.join(found[:6])), flush=True)
                with open('differs-%s.json' % block['name'].replace('/', '-'), 'wb') as file:
                    file.write(line)
            if time.monotonic() - told > 60 and told > 0:
                told = time.monotonic()
                print(totals.text(told - start), flush=True)
            told = told or time.monotonic()
    gyr.close()
    peer.close()
    print(totals.text(time.monotonic() - start))
    if totals.executed < totals.blocks:
        print('the generator made next to nothing that executes')
        return 1
    return 1 if totals.differing else 0


if __name__ == '__main__':
    sys.exit(main())
