# SPDX-License-Identifier: Apache-2.0
"""gyrd over loopback sockets, as a user runs it: load with kill -9 in the middle, a graceful stop,
the log verified, a restart that finds everything, a second instance and another genesis refused.

GYR_KILLS=N kills N times (default 3)."""
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

GYRD, BENCH, GYRCTL, ROOT = sys.argv[1:5]
KILLS = int(os.environ.get('GYR_KILLS', '3'))
RATE = 600


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """One data directory and the gyrd that serves it."""

    def __init__(self, work, port):
        self.work = work
        self.process = None
        self.config = os.path.join(work, 'gyr.yaml')
        with open(os.path.join(ROOT, 'hwconfig/loopback.yaml'), encoding='utf-8') as file:
            text = file.read()
        text = re.sub(r'port=9000', 'port=%d' % port, text)
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


def bench(port, count, accounts=8):
    return subprocess.Popen(
        [BENCH, 'run', '--gate', '127.0.0.1:%d' % port, '--rate', str(RATE), '--count', str(count),
         '--accounts', str(accounts), '--idle', 'sleep', '--restart-check', '--complete',
         '--attempts', '10000', '--drain', '120s'],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def load_with_kills(server, port):
    count = RATE * (2 + 2 * KILLS)
    run = bench(port, count)
    for _ in range(KILLS):
        time.sleep(2)
        server.end(signal.SIGKILL)
        server.start()
    text = run.communicate(timeout=300)[0]
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
        text = server.start()
        expect('the restart replays every transaction', ' %d transactions' % count in text, text)
        server.end(signal.SIGKILL)
        subprocess.run([BENCH, 'genesis', '--accounts', '9', '--out',
                        os.path.join(work, 'genesis.json')], check=True)
        other = subprocess.run([GYRD, '--config', server.config], text=True, timeout=60,
                               capture_output=True, check=False)
        expect('another genesis is refused with code 9', other.returncode == 9,
               other.stdout + other.stderr)
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(work)


main()
