# SPDX-License-Identifier: Apache-2.0
"""gyr-t8n as other clients' tools call it: files and streams, transactions as objects and as RLP,
traces, many blocks at once, and an exit code for everything that is off. The roots in CASES are
those that ethereumjs computes for the same blocks."""
import copy
import glob
import json
import os
import subprocess
import sys
import tempfile

T8N = sys.argv[1]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 't8n')
STREAMS = ['--input.alloc', 'stdin', '--input.env', 'stdin', '--input.txs', 'stdin',
           '--output.result', 'stdout', '--output.alloc', 'stdout', '--output.body', 'stdout']
CASES = {
    'types': ('Prague', '0x1bb4ce505f19aa0d5f9bd81d09e5650b9b56a82d39b02854fc736683d99b490a',
              '0xc7ad05775df5de5ee901ac3b3efeb9ff2762e245dac616012dfeacb8e8a1e81f',
              [0x71e1, 0x71f1, 0x7add, 0xd822, 0x71e1, 0xb3b0], [4, 7]),
    'system': ('Prague', '0x3889f4e92eb0ad1510a071f7e06a692350e382693339962cb68acd3bcc00d50f',
               '0x267fd16855b51153e5b23db5e910bf84960dc6ff1d010c6291a944aa26c30a55',
               [0x15e04, 0x5b45, 0x6398, 0x5366], []),
    'osaka': ('Osaka', '0x8c7ef733246e4fe7deb2eb317ca1a80baa9b67a6ecd6b1551df3b8d96d629ba0',
              '0xf10985a4767c7c8fdc238a5945e16ca86bb2dd6da50de4c1d773969e84f12a50', [0x17aa4],
              [1]),
}
EMPTY_TRIE = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'


def check(what, condition, detail=''):
    print('%-5s %s' % ('ok' if condition else 'FAIL', what))
    if not condition:
        print(detail)
        sys.exit(1)


def read(name):
    with open(os.path.join(HERE, name + '.json'), encoding='utf-8') as file:
        return json.load(file)


def t8n(args, given=None, want=0):
    run = subprocess.run([T8N, *args], input=None if given is None else json.dumps(given),
                         text=True, capture_output=True, timeout=300, check=False)
    check('exit %d of %s' % (want, ' '.join(args[-4:])), run.returncode == want,
          run.stdout + run.stderr)
    return run


def block(given, fork, *args):
    return json.loads(t8n(['--state.fork', fork, *STREAMS, *args], given).stdout)


def cases():
    for name, (fork, state, receipts, gas, rejected) in CASES.items():
        given = read(name)
        out = block(given, fork)
        result = out['result']
        check('%s: state root' % name, result['stateRoot'] == state, result['stateRoot'])
        check('%s: receipts root' % name, result['receiptsRoot'] == receipts)
        check('%s: gas' % name, [int(r['gasUsed'], 16) for r in result['receipts']] == gas)
        check('%s: rejected' % name, [r['index'] for r in result['rejected']] == rejected)
        check('%s: cumulative gas' % name, int(result['gasUsed'], 16) == sum(gas))
        again = dict(given, txs=out['body'])
        check('%s: the same from its body as RLP, in slices' % name,
              block(again, fork, '--slice', '100')['result'] == dict(result, rejected=[]))
        after = dict(given, alloc=out['alloc'], txs=[])
        after['env'] = dict(given['env'], currentNumber='0x3')
        empty = block(after, fork)
        check('%s: the accounts written have the root' % name,
              empty['result']['stateRoot'] == state)
        check('%s: an empty block' % name, empty['result']['receiptsRoot'] == EMPTY_TRIE and
              empty['result']['txRoot'] == EMPTY_TRIE and empty['body'] == '0xc0')


def files(work):
    given = read('types')
    for part in ('alloc', 'env', 'txs'):
        with open(os.path.join(work, part + '.json'), 'w', encoding='utf-8') as file:
            json.dump(given[part], file)
    out = os.path.join(work, 'out')
    t8n(['--input.alloc', work + '/alloc.json', '--input.env', work + '/env.json', '--input.txs',
         work + '/txs.json', '--output.basedir', out, '--output.body', 'body.txt', '--trace'])
    with open(out + '/result.json', encoding='utf-8') as file:
        check('files: the result', json.load(file)['stateRoot'] == CASES['types'][1])
    with open(out + '/body.txt', encoding='utf-8') as file:
        body = json.load(file)
    check('files: the body', body == block(given, 'Prague')['body'])
    traces = sorted(glob.glob(out + '/trace-*.jsonl'))
    check('files: a trace for each executed transaction', len(traces) == 6, traces)
    with open(traces[0], encoding='utf-8') as file:
        lines = [json.loads(line) for line in file]
    check('files: the trace has each instruction and an end', len(lines) == 21 and
          lines[0]['opName'] == 'PUSH1' and lines[-2]['opName'] == 'RETURN' and
          lines[-1]['gasUsed'] == '0x71e1', lines)
    t8n(['--input.alloc', work + '/nowhere.json', '--input.env', work + '/env.json',
         '--input.txs', work + '/txs.json'], want=5)
    t8n(['--input.alloc', work + '/alloc.json', '--input.env', work + '/env.json', '--input.txs',
         work + '/txs.json', '--output.basedir', work + '/alloc.json'], want=5)


def lines_of_blocks():
    given = ''.join(json.dumps(read(name)) + '\n' for name in CASES) + '{}\n'
    run = subprocess.run([T8N, '--lines'], input=given, text=True, capture_output=True, timeout=300,
                         check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    for answer, (name, case) in zip(answers, CASES.items()):
        check('lines: %s' % name, answer['stateRoot'] == case[1])
    check('lines: what was returned is told',
          answers[0]['receipts'][0]['output'] == '0x' + '00' * 12 +
          'a94f5374fce5edbc8e2a8697c15331677e6ebf0b')
    check('lines: an error is an answer', 'error' in answers[3], answers[3])


def change(given, path, value):
    """A copy with one member changed, or, for None, left out."""
    given = copy.deepcopy(given)
    inner = given
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return given


def derived():
    given = change(read('types'), ['env', 'currentBaseFee'], None)
    given['env'].update(parentBaseFee='0x8', parentGasUsed='0x0', parentGasLimit='30000000')
    out = block(given, 'Prague')
    check('the base fee from the parent', out['result']['currentBaseFee'] == '0x7' and
          out['result']['stateRoot'] == CASES['types'][1], out['result'])
    older = change(read('types'), ['env', 'currentDifficulty'], '0x20000')
    t8n(STREAMS + ['--state.fork', 'Berlin'], dict(read('types'), txs=[]), 3)
    out = block(dict(older, txs=older['txs'][:1]), 'Berlin')
    check('an older fork has no base fee', 'currentBaseFee' not in out['result'] and
          out['result']['currentDifficulty'] == '0x20000', out['result'])


def refusals():
    given = read('types')
    for path, value, want in (
            (['env'], None, 16), (['alloc'], None, 16), (['txs'], None, 16),
            (['env', 'currentCoinbase'], '0x12', 16), (['env', 'currentNumber'], None, 16),
            (['env', 'currentGasLimit'], '12z', 16), (['env', 'currentBaseFee'], None, 16),
            (['env', 'currentRandom'], None, 16),
            (['env', 'withdrawals'], [{'index': '0x0'}], 3),
            (['txs'], '0xc3', 16), (['txs'], '0xzz', 16),
            (['txs', 0, 'to'], '0x1234', 16), (['txs', 0, 'secretKey'], '0x00', 16),
            (['txs', 0, 'nonce'], '-1', 16), (['txs', 2, 'accessList', 0, 'address'], '0x', 16),
            (['alloc', '0x1'], {}, 16)):
        t8n(STREAMS, change(given, path, value), want)
    t8n(STREAMS + ['--state.fork', 'Atlantis'], given, 3)
    t8n(STREAMS + ['--state.fork', 'Homestead'], given, 3)
    t8n(STREAMS + ['--state.reward', '2000000000'], given, 3)
    t8n(STREAMS + ['--state.reward', '-1'], given)
    t8n(['--nonsense'], want=2)
    lacking = read('system')
    del lacking['env']['blockHashes']['0']
    run = t8n(STREAMS, lacking, 16)
    check('the missing block hash is named', 'blockHashes lacks 0' in run.stderr, run.stderr)


def main():
    cases()
    lines_of_blocks()
    derived()
    refusals()
    with tempfile.TemporaryDirectory() as work:
        files(work)


if __name__ == '__main__':
    main()
