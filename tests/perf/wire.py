#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way over AF_XDP, measured in one run: gyrd with one data lane on CPU 1 and gyr-bench on
CPU 0, joined by the veth lab (tools/netns; GYR_LAB names it).

  floor      the driver's own round trip: one by one, and under the datagrams of each rate
  disk       a bare 4 KiB O_DIRECT|O_DSYNC io_uring write beside the log
  unloaded   ORDERED and DURABLE at 1,000/s: a sender recovered each time, and a known one, without
             a hint, with its index, with R.y and 1/s too
  load       --rate for --seconds from 64 senders among 100,000 accounts, DURABLE and EXECUTED asked
             for: 8 submissions in a datagram and 1, recovered and known
  sweep      from 1,000/s up, with the host's stall probe and the floor beside it, as a page

Prints a table, with what each stage took of the data lane's time, bytes of log per transaction,
what that does to a drive in a year, and what the figures are held against. Needs root and a quiet
machine.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = os.environ.get('GYR_LAB', 'gyr')
GATE = '10.77.0.20:9000'
DEVICE = 'dpdk:af_xdp=gyr-c,address=10.77.0.10/24,port=9001'
SWEEP = [1000, 2000, 5000, 10000, 20000, 50000, 80000, 100000, 120000, 150000]
PARTS = ['floor', 'disk', 'unloaded', 'load', 'sweep']


def say(*words):
    print(*words, flush=True)


class Lab:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix='gyr-wire-', dir=options.directory)
        self.server = None
        self.floors = {}
        self.result = {'rows': [], 'criteria': []}
        subprocess.run([ROOT + '/tools/netns', 'up'], check=True, stdout=subprocess.DEVNULL)
        self.bench(['genesis', '--accounts', str(options.accounts),
                    '--out', self.work + '/genesis.json'], inside=False)

    def close(self):
        self.stop()
        if not self.options.keep_lab:
            subprocess.run([ROOT + '/tools/netns', 'down'], check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.options.build, 'app', name)

    def config(self, known):
        text = open(ROOT + '/hwconfig/vm-2core.yaml').read()
        text = re.sub(r'directory: \S+', 'directory: %s/data' % self.work, text)
        text = re.sub(r'block_gas: \S+', 'block_gas: 4G', text)
        text = re.sub(r'known_senders: \S+', 'known_senders: %d' % known, text)
        text = re.sub(r'idle: spin', 'idle: %s' % self.options.idle, text)
        # Room for what comes while the host does something else.
        text = re.sub(r'  slot_count: 16384', '  slot_count: 32768', text)
        # Answers of a tenth of a second at full rate can be asked for again.
        text = text.replace('sessions:\n',
                            'sessions:\n  history_size: 4MiB\n  history_count: 8192\n')
        text = text.replace('account_count: 300k',
                            'account_count: %d' % max(300000, 2 * self.options.accounts))
        path = self.work + '/gyr.yaml'
        open(path, 'w').write(text)
        return path

    def start(self, known=256, echo=False):
        shutil.rmtree(self.work + '/data', ignore_errors=True)
        os.mkdir(self.work + '/data')
        out = open(self.work + '/gyrd.out', 'w')
        self.server = subprocess.Popen(
            ['ip', 'netns', 'exec', LAB + '-server'] + (['taskset', '-c', '1'] if echo else []) +
            [self.program('gyrd'), '--config', self.config(known)] + (['--echo'] if echo else []),
            stdout=out, stderr=out)
        ready = 'echo on' if echo else 'gyrd: ready'
        for _ in range(600):
            text = open(self.work + '/gyrd.out').read()
            if ready in text:
                return
            if self.server.poll() is not None:
                sys.exit('gyrd ended:\n' + text)
            time.sleep(0.1)
        sys.exit('gyrd does not get ready:\n' + text)

    def stop(self):
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.server = None

    def bench(self, arguments, inside=True, quiet=True):
        before = ['ip', 'netns', 'exec', LAB + '-client', 'taskset', '-c', '0'] if inside else []
        run = subprocess.run(before + [self.program('gyr-bench')] + arguments, text=True,
                             check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if run.returncode not in (0, 18):
            say(run.stdout, run.stderr)
            sys.exit('gyr-bench ended with %d' % run.returncode)
        if not quiet:
            say(run.stdout)
        return run.stdout

    def load(self, name, rate, seconds, batch, hint, senders, known, extra=()):
        """One run against a fresh server; its JSON."""
        path = self.work + '/result.json'
        self.start(known)
        before = self.metrics()
        warmup = min(rate, rate * int(seconds) // 5)
        self.bench(['run', '--gate', GATE, '--device', DEVICE, '--quiet', '--json', path,
                    '--accounts', str(self.options.accounts), '--senders', str(senders),
                    '--rate', str(rate), '--duration', '%gs' % seconds, '--batch', str(batch),
                    '--hint', hint, '--idle', self.options.bench_idle, '--warmup', str(warmup)] +
                   self.floor_option(batch) + list(extra))
        counters = {k: v - before.get(k, 0) for k, v in self.metrics().items()}
        self.stop()
        run = json.load(open(path))['runs'][0]
        row = {'name': name, 'rate': rate, 'batch': batch, 'hint': hint, 'senders': senders,
               'executed_per_s': run['executed_per_s'], 'counters': run['counters'],
               'rejected': run['rejected_by_code'], 'server': counters, 'count': run['count']}
        for answer in ('ordered', 'durable', 'executed'):
            row[answer] = {k: v for k, v in run['latency'][answer].items() if k != 'curve'}
        row['lost'] = run['count'] - run['counters']['executed']
        row['log_bytes_per_transaction'] = counters.get('wal_bytes wal', 0) / max(1, run['count'])
        row['log_bytes_per_s'] = counters.get('wal_bytes wal', 0) / max(1, run['executed_ns'] / 1e9)
        self.result['rows'].append(row)
        self.show(row)
        return row

    def metrics(self):
        run = subprocess.run([self.program('gyrctl'), 'metrics', self.work + '/data'], text=True,
                             check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        names = '|'.join(['verify_(?:known|known_missed|requests)', 'known_builds', 'wal_bytes',
                          'stage_busy_ns', 'lane_busy_ns', 'net_rx_drop_no_buffer'])
        wanted = r'^gyr_(%s)(?:_total)?\{\w+="([^"]*)"\} (\d+)' % names
        return {'%s %s' % (name, label): int(value)
                for name, label, value in re.findall(wanted, run.stdout, re.M)}

    def floor_option(self, batch):
        return ['--floor', self.floors[batch]] if batch in self.floors else []

    def show(self, row):
        us = lambda a, p: '%9.1f' % (row[a].get(p, 0) / 1000)
        say('%-34s %7d/s x%-2d %8d/s %s %s %s %s %s %s %8d' % (
            row['name'], row['rate'], row['batch'], row['executed_per_s'], us('ordered', 'p50_ns'),
            us('ordered', 'p99_ns'), us('durable', 'p50_ns'), us('durable', 'p99_ns'),
            us('executed', 'p50_ns'), us('executed', 'p99_ns'), row['lost']))
        stages = {k.split(' ', 1)[1]: v / max(1, row['count']) for k, v in row['server'].items()
                  if k.startswith('stage_busy_ns')}
        say('    ns each: ' + ', '.join('%s %d' % (k, v) for k, v in stages.items() if v >= 1))
        of = lambda name: row['server'].get(name + ' verify 0', 0)
        say('    %d of %d by their key; log %d bytes each, %s' % (
            of('verify_known'), of('verify_requests'), row['log_bytes_per_transaction'],
            wear(row['log_bytes_per_s'])))

    def hold(self, text, measured, limit, unit):
        kept = measured <= limit if unit == 'us' else measured >= limit
        self.result['criteria'].append({'text': text, 'measured': measured, 'limit': limit,
                                        'kept': kept})
        say('  %-6s %-64s %12.1f %s %12.1f %s' % (
            'kept' if kept else 'BROKEN', text, measured, '<=' if unit == 'us' else '>=', limit,
            unit))


def wear(bytes_per_s):
    day = bytes_per_s * 86400 / 1e12
    return '%.2f MB/s: %.2f TB a day, %.0f TB a year' % (bytes_per_s / 1e6, day, day * 365)


def idle_wear(lab):
    lab.start()
    time.sleep(2)
    before = lab.metrics().get('wal_bytes wal', 0)
    time.sleep(5)
    rate = (lab.metrics().get('wal_bytes wal', 0) - before) / 5
    lab.stop()
    lab.result['idle_log_bytes_per_s'] = rate
    say('log of an idle server: ' + wear(rate))


def floors(lab):
    say('\nthe driver alone (gyrd --echo)')
    lab.start(echo=True)
    for batch in (1, 8):
        path = lab.work + '/floor-%d' % batch
        rates = sorted(set(SWEEP + [lab.options.rate]))
        out = lab.bench(['echo', '--to', GATE, '--device', DEVICE, '--batch', str(batch),
                         '--duration', '%gs' % lab.options.floor_seconds, '--out', path] +
                        [word for rate in rates for word in ('--rate', str(rate))])
        lab.floors[batch] = path
        say('datagrams of %d submission%s\n%s' % (batch, '' if batch == 1 else 's', out))
        numbers = open(path).readline().split()
        lab.result['echo_p50_us_%d' % batch] = int(numbers[4]) / 1000
    lab.stop()


def disk(lab):
    run = subprocess.run(['taskset', '-c', '1', lab.options.build + '/tests/perf/perf_bare',
                          lab.work], text=True, check=True, stdout=subprocess.PIPE)
    p50, p90, p99 = (float(v) / 1000 for v in run.stdout.split())
    lab.result['bare_write_p50_us'] = p50
    say('bare 4 KiB O_DIRECT|O_DSYNC write, us: p50 %.1f, p90 %.1f, p99 %.1f' % (p50, p90, p99))


def recovery_us(lab):
    """One recovery alone, as perf_recover times it here."""
    run = subprocess.run(['taskset', '-c', '1', lab.options.build + '/tests/perf/perf_recover'],
                         text=True, check=True, stdout=subprocess.PIPE)
    return float(re.search(r'^ifma +1 +([\d.]+)', run.stdout, re.M).group(1))


def unloaded(lab):
    seconds = lab.options.unloaded_seconds
    one = recovery_us(lab)
    lab.result['one_recovery_us'] = one
    say('one recovery alone: %.1f us' % one)
    idle_wear(lab)
    stranger = lab.load('unloaded, recovered', 1000, seconds, 1, 'none', 8, 0)
    lab.load('unloaded, known, no hint', 1000, seconds, 1, 'none', 1, 256)
    known = lab.load('unloaded, known, 8 senders, index', 1000, seconds, 1, 'index', 8, 256)
    full = lab.load('unloaded, known, 8 senders, full', 1000, seconds, 1, 'full', 8, 256)
    p50 = lambda row, answer: row[answer]['p50_ns'] / 1000
    if 'echo_p50_us_1' in lab.result:
        echo = lab.result['echo_p50_us_1']
        lab.hold('ORDERED p50 within echo p50 + one recovery + 3 us', p50(stranger, 'ordered'),
                 echo + one + 3, 'us')
        lab.hold('known sender: ORDERED p50 within echo p50 + 9 us', p50(known, 'ordered'),
                 echo + 9, 'us')
        lab.hold('the same with R.y and 1/s', p50(full, 'ordered'), echo + 9, 'us')
    if 'bare_write_p50_us' in lab.result:
        lab.hold('DURABLE p50 within ORDERED p50 + 1.3 bare writes', p50(stranger, 'durable'),
                 p50(stranger, 'ordered') + 1.3 * lab.result['bare_write_p50_us'], 'us')


def load(lab):
    rate, seconds = lab.options.rate, lab.options.seconds
    for batch in (8, 1):
        for name, hint, known in (('recovered', 'none', 0), ('known', 'index', 256)):
            row = lab.load('load, %s' % name, rate, seconds, batch, hint, 64, known)
            lab.hold('%s, %d in a datagram: executed/s' % (name, batch), row['executed_per_s'],
                     0.99 * rate, '/s')
            lab.hold('%s, %d in a datagram: executed' % (name, batch), row['counters']['executed'],
                     row['count'], 'of')


def sweep(lab):
    lab.start()
    html = lab.options.html or lab.work + '/sweep.html'
    rates = [r for r in SWEEP if r <= lab.options.sweep_max]
    say(lab.bench(['sweep', '--gate', GATE, '--device', DEVICE, '--html', html,
                   '--accounts', str(lab.options.accounts), '--senders', '64', '--batch', '8',
                   '--hint', 'index', '--duration', '%gs' % lab.options.sweep_seconds,
                   '--idle', lab.options.bench_idle, '--probe-cpu', '0', '--probe-for', '3s',
                   '--title', 'gyr over AF_XDP, one data lane'] + lab.floor_option(8) +
                  [word for rate in rates for word in ('--rate', str(rate))]))
    lab.stop()
    if lab.options.html:
        say('the page is ' + html)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=ROOT + '/build')
    parser.add_argument('--parts', default=','.join(PARTS), help='which, of ' + ', '.join(PARTS))
    parser.add_argument('--rate', type=int, default=100000)
    parser.add_argument('--seconds', type=float, default=30)
    parser.add_argument('--accounts', type=int, default=100000)
    parser.add_argument('--unloaded-seconds', type=float, default=10)
    parser.add_argument('--floor-seconds', type=float, default=2)
    parser.add_argument('--sweep-seconds', type=float, default=5)
    parser.add_argument('--sweep-max', type=int, default=SWEEP[-1])
    parser.add_argument('--idle', default='spin', help="the data lane's; backoff on a busy machine")
    parser.add_argument('--bench-idle', default='yield')
    parser.add_argument('--directory', default='/var/tmp', help='where the log goes: a real disk')
    parser.add_argument('--json')
    parser.add_argument('--html', help='save the page of the sweep')
    parser.add_argument('--keep-lab', action='store_true')
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    if os.geteuid() != 0:
        sys.exit('tests/perf/wire.py needs root: it makes network namespaces')
    lab = Lab(options)
    try:
        for part in options.parts.split(','):
            if part in ('unloaded', 'load'):
                say('\n%-34s %12s %12s %9s %9s %9s %9s %9s %9s %8s' % (
                    'latencies in us', 'intended', 'executed', 'ORDERED', 'p99', 'DURABLE', 'p99',
                    'EXECUTED', 'p99', 'missing'))
            {'floor': floors, 'disk': disk, 'unloaded': unloaded, 'load': load,
             'sweep': sweep}[part](lab)
        if options.json:
            json.dump(lab.result, open(options.json, 'w'), indent=1)
    finally:
        lab.close()
    if any(not c['kept'] for c in lab.result['criteria']):
        sys.exit(18)


if __name__ == '__main__':
    main()
