# SPDX-License-Identifier: Apache-2.0
"""gyr-bench as people call it, against a stub gate on loopback: figures, files, exit codes."""
import json
import os
import re
import subprocess
import sys
import tempfile

BENCH, GATE = sys.argv[1:3]


def bench(*args, want=0):
    run = subprocess.run([BENCH, *args], capture_output=True, text=True, timeout=120, check=False)
    if run.returncode != want:
        print(run.stdout, run.stderr, sep='\n')
        raise SystemExit('gyr-bench %s: exit %d, want %d' % (args, run.returncode, want))
    return run


def check(condition, what):
    if not condition:
        raise SystemExit('not so: ' + what)


def check_run(result, count):
    run = result['runs'][0]
    counters = run['counters']
    check(counters['sent'] == counters['executed'] == counters['durable'] == count,
          'every transaction sent, durable and executed')
    check(counters['failed'] == counters['unresolved'] == 0, 'none given up')
    for answer in ('ordered', 'durable', 'executed'):
        latency = run['latency'][answer]
        check(latency['count'] == count, answer + ' counted')
        check(latency['min_ns'] <= latency['p50_ns'] <= latency['p99_ns'] <=
              latency['p99_99_ns'] <= latency['max_ns'], answer + ' percentiles grow')
        check(latency['curve'][-1][1] <= latency['max_ns'], answer + ' curve ends at the maximum')
    check(sum(s['sent'] for s in run['slices']) == count, 'slices add up')
    check(result['host_stalls']['count'] > 1000, 'the stall probe ran')


def commands(gate, folder):
    path = os.path.join(folder, '')
    bench('--help')
    for command in ('run', 'sweep', 'genesis', 'report'):
        check('--' in bench(command, '--help').stdout, command + ' has help')
    bench('fly', want=2)
    bench('run', want=2)
    bench('run', '--gate', 'nowhere', want=2)
    bench('run', '--gate', gate, '--answers', 'ordered,paid', want=2)
    bench('run', '--gate', '127.0.0.1:9', '--connect', '50ms', '--count', '1', want=17)
    bench('genesis', '--accounts', '5', '--chain-id', '99', '--out', path + 'genesis.json')
    genesis = json.load(open(path + 'genesis.json', encoding='utf-8'))
    check(len(genesis['alloc']) == 5 and genesis['config']['chainId'] == 99, 'genesis')
    check(all(re.fullmatch('0x[0-9a-f]{40}', a) for a in genesis['alloc']), 'addresses')


def measure(gate, folder):
    path = os.path.join(folder, '')
    with open(path + 'good.sla', 'w', encoding='utf-8') as file:
        file.write('# generous\nordered p50 5s\nexecuted max 10s at 4k\nexecuted rate 1\n')
    run = bench('run', '--gate', gate, '--rate', '4k', '--count', '2000', '--batch', '4',
                '--sessions', '2', '--probe-cpu', '-1', '--sla', path + 'good.sla', '--json',
                path + 'run.json', '--html', path + 'run.html', '--hgrm', path + 'run')
    check('kept' in run.stdout and 'BROKEN' not in run.stdout, 'limits kept')
    check(re.search(r'ordered +[0-9.]+ [num]?s', run.stdout), 'the table')
    check_run(json.load(open(path + 'run.json', encoding='utf-8')), 2000)
    page = open(path + 'run.html', encoding='utf-8').read()
    check('/*JSON*/null' not in page and '"tool": "gyr-bench"' in page, 'the page has its data')
    check('src=' not in page and 'href=' not in page, 'the page needs nothing else')
    hgrm = open(path + 'run-ordered-4000.hgrm', encoding='utf-8').read()
    check('Value' in hgrm and '#[Max' in hgrm, 'hgrm')
    bench('report', path + 'run.json', '--out', path + 'again.html')
    check(open(path + 'again.html', encoding='utf-8').read() == page, 'report makes the same page')

    with open(path + 'bad.sla', 'w', encoding='utf-8') as file:
        file.write('durable p50 1us\n')
    bench('run', '--gate', gate, '--seed', '4', '--count', '20', '--complete', '-q')
    bench('run', '--gate', gate, '--seed', '4', '--count', '40', '--complete', '--chain-id', '1',
          '--answers', 'ordered', want=18)
    run = bench('run', '--gate', gate, '--seed', '2', '--rate', '4k', '--count', '200', '--sla',
                path + 'bad.sla', want=18)
    check('BROKEN' in run.stdout, 'a limit is broken')
    with open(path + 'wrong.sla', 'w', encoding='utf-8') as file:
        file.write('durable p50\n')
    run = bench('run', '--gate', gate, '--sla', path + 'wrong.sla', want=3)
    check('wrong.sla:1:1' in run.stderr, 'a fault has its place')

    run = bench('sweep', '--gate', gate, '--seed', '3', '--rate', '1k', '--rate', '3k',
                '--duration', '400ms', '--quiet', '--json', '-')
    result = json.loads(run.stdout)
    check([r['rate'] for r in result['runs']] == [1000, 3000], 'a run for each rate')
    check(all(r['counters']['executed'] == r['rate'] * 0.4 for r in result['runs']),
          'nonces go on from run to run')


def main():
    gate = subprocess.Popen([GATE], stdout=subprocess.PIPE, text=True)
    try:
        address = '127.0.0.1:' + gate.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            commands(address, folder)
            measure(address, folder)
    finally:
        gate.terminate()
        gate.wait(10)
    check(gate.returncode == 0, 'the stub gate ends well')
    print('gyr-bench does what it says')


if __name__ == '__main__':
    main()
