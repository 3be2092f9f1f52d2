# SPDX-License-Identifier: Apache-2.0
"""gyrd over loopback sockets, as a user runs it: load with kill -9 in the middle, a graceful stop,
the log verified, restarts from the checkpoint and from genesis that come to the same state, a
damaged checkpoint, a second instance and another genesis refused; then the same with a log that is
pruned.

GYR_KILLS=N kills N times (default 3)."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

GYRD, BENCH, GYRCTL, ROOT = sys.argv[1:5]
KILLS = int(os.environ.get('GYR_KILLS', '3'))
RATE = 600


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """One data directory and the gyrd that serves it."""

    def __init__(self, work, port, changes=()):
        self.work = work
        self.process = None
        self.config = os.path.join(work, 'gyr.yaml')
        with open(os.path.join(ROOT, 'hwconfig/loopback.yaml'), encoding='utf-8') as file:
            text = file.read()
        text = re.sub(r'port=9000', 'port=%d' % port, text)
        for pattern, replacement in changes:
            text = re.sub(pattern, replacement, text)
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text)
        os.mkdir(os.path.join(work, 'data'))

    def start(self):
        self.process = subprocess.Popen([GYRD, '--config', self.config], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith('gyrd: ready'):
                return ''.join(lines)
        raise SystemExit('gyrd did not start:\n' + ''.join(lines))

    def end(self, how):
        self.process.send_signal(how)
        text = self.process.stdout.read()
        return self.process.wait(timeout=60), text


def expect(what, condition, detail=''):
    print('%-5s %s' % ('ok' if condition else 'FAIL', what))
    if not condition:
        print(detail)
        sys.exit(1)


def bench(port, count, accounts=8, check=True, first_nonce=0):
    return subprocess.Popen(
        [BENCH, 'run', '--gate', '127.0.0.1:%d' % port, '--rate', str(RATE), '--count', str(count),
         '--accounts', str(accounts), '--idle', 'sleep', '--complete', '--attempts', '10000',
         '--drain', '120s', '--first-nonce', str(first_nonce)] + ['--restart-check'] * check,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def load_with_kills(server, port):
    seed = int(os.environ.get('GYR_SEED', str(time.time_ns() % 1000000)))
    print('GYR_SEED=%d' % seed)
    chance = random.Random(seed)
    count = int(RATE * (4 + 1.3 * KILLS))
    run = bench(port, count)
    for done in range(KILLS):
        time.sleep(chance.uniform(0.05, 1.2))
        server.end(signal.SIGKILL)
        server.start()
        if done % 20 == 19:
            print('%d of %d kills' % (done + 1, KILLS), flush=True)
    text = run.communicate(timeout=600)[0]
    expect('%d transfers EXECUTED, %d times kill -9 in the middle, nothing DURABLE gone' %
           (count, KILLS), run.returncode == 0, text)
    return count


def verify(data, count):
    run = subprocess.run([GYRCTL, 'wal', 'verify', '--json', '--senders', data], text=True,
                         capture_output=True, check=False)
    expect('gyrctl wal verify: the log is whole, every sender recovers', run.returncode == 0,
           run.stdout + run.stderr)
    log = json.loads(run.stdout)['log']
    expect('it holds every transaction once, arrivals are dense',
           log['records']['tx']['count'] == count and log['arrivals_repeated'] == 0 and
           log['arrivals_missing'] == 0, run.stdout)


def replay(server):
    """What a serial replay from genesis comes to, whatever checkpoints there are."""
    run = subprocess.run([GYRCTL, 'wal', 'replay', '--json', server.config], text=True,
                         capture_output=True, check=False)
    return run, json.loads(run.stdout) if run.returncode == 0 else None


def same_state(server, count):
    """Restarts from the checkpoint and without it, against a serial replay."""
    run, found = replay(server)
    expect('gyrctl wal replay: %d transactions from genesis' % count,
           found is not None and found['transactions'] == count, run.stdout + run.stderr)
    root = 'state root ' + found['state_root']
    text = server.start()
    expect('a restart from the checkpoint has the state of a serial replay',
           'the checkpoint of block' in text and root in text, text + run.stdout)
    server.end(signal.SIGKILL)
    run, found = replay(server)  # blocks went on opening in the meantime
    root = 'state root ' + found['state_root']
    shutil.rmtree(os.path.join(server.work, 'data/checkpoint'))
    text = server.start()
    expect('without it every transaction is replayed, to the same state',
           ' %d transactions' % count in text and root in text, text)
    server.end(signal.SIGKILL)


def start_fails(server):
    return subprocess.run([GYRD, '--config', server.config], text=True, timeout=60,
                          capture_output=True, check=False)


def damage(server):
    """Changes an account in the store; a root tells."""
    path = os.path.join(server.work, 'data/checkpoint/data.mdb')
    with open(os.path.join(server.work, 'genesis.json'), encoding='utf-8') as file:
        address = bytes.fromhex(next(iter(json.load(file)['alloc']))[-40:])
    with open(path, 'rb') as file:
        content = bytearray(file.read())
    at = content.find(address)
    while at >= 0:
        content[at + 20] ^= 1
        at = content.find(address, at + 1)
    with open(path, 'wb') as file:
        file.write(content)


def refuse_damage(server):
    server.start()
    time.sleep(8)  # a checkpoint is made every 5 s
    server.end(signal.SIGKILL)
    damage(server)
    run = start_fails(server)
    expect('a damaged checkpoint is refused with code 16, and what to do',
           run.returncode == 16 and 'delete that folder' in run.stderr, run.stdout + run.stderr)
    shutil.rmtree(os.path.join(server.work, 'data/checkpoint'))


def prune(server, port):
    """A short window and no retention: little of the log stays, and it is enough."""
    server.start()
    run = bench(port, 4000, check=False)  # more than the window: STATUS does not reach back
    time.sleep(3)
    server.end(signal.SIGKILL)
    server.start()
    text = run.communicate(timeout=300)[0]
    expect('4000 transfers EXECUTED over a log that is pruned', run.returncode == 0, text)
    time.sleep(3)
    server.end(signal.SIGKILL)
    run = subprocess.run([GYRCTL, 'wal', 'verify', '--json', os.path.join(server.work, 'data')],
                         text=True, capture_output=True, check=False)
    first = json.loads(run.stdout)['log']['first_position'] if run.returncode == 0 else 0
    expect('gyrctl wal verify: it begins at %d, and is good' % first, first > 0,
           run.stdout + run.stderr)
    run = replay(server)[0]
    expect('there is no replay from genesis any more: code 8', run.returncode == 8, run.stderr)
    text = server.start()
    expect('the restart goes on from the checkpoint', 'the checkpoint of block' in text, text)
    run = bench(port, 296, check=False, first_nonce=500)
    text = run.communicate(timeout=120)[0]
    expect('load goes on', run.returncode == 0, text)
    code, text = server.end(signal.SIGTERM)
    expect('SIGTERM: a graceful end', code == 0, text)
    shutil.rmtree(os.path.join(server.work, 'data/checkpoint'))
    run = start_fails(server)
    expect('a pruned log without its checkpoint is refused with code 8', run.returncode == 8,
           run.stdout + run.stderr)


def main():
    work = tempfile.mkdtemp(prefix='gyr-e2e-')
    port = free_port()
    server = Server(work, port)
    try:
        subprocess.run([BENCH, 'genesis', '--accounts', '8', '--out',
                        os.path.join(work, 'genesis.json')], check=True)
        server.start()
        second = subprocess.run([GYRD, '--config', server.config], text=True, timeout=60,
                                capture_output=True, check=False)
        expect('a second instance ends with code 10', second.returncode == 10,
               second.stdout + second.stderr)
        count = load_with_kills(server, port)
        code, text = server.end(signal.SIGTERM)
        expect('SIGTERM: a graceful end', code == 0, text)
        verify(os.path.join(work, 'data'), count)
        same_state(server, count)
        refuse_damage(server)
        subprocess.run([BENCH, 'genesis', '--accounts', '9', '--out',
                        os.path.join(work, 'genesis.json')], check=True)
        other = subprocess.run([GYRD, '--config', server.config], text=True, timeout=60,
                               capture_output=True, check=False)
        expect('another genesis is refused with code 9', other.returncode == 9,
               other.stdout + other.stderr)
        os.mkdir(os.path.join(work, 'pruned'))
        shutil.copy(os.path.join(work, 'genesis.json'), os.path.join(work, 'pruned'))
        server = Server(os.path.join(work, 'pruned'), port, [
            (r'segment_size: .*', 'segment_size: 1MiB'),
            (r'retain_size: .*', 'retain_size: 0'),
            (r'# prepared: .*', 'prepared: 1'),
            (r'duplicate_count: .*', 'duplicate_count: 1024'),
            (r'# interval: .*', 'interval: 1s')])
        prune(server, port)
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(work)


main()
