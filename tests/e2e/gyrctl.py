# SPDX-License-Identifier: Apache-2.0
"""gyrctl as operators call it: every command, its text, its JSON, its exit codes."""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

GYRCTL, MAKE_DATA, ROOT = sys.argv[1:4]
BOX = 'Package:1 [NUMANode(memory=68719476736)] Core:8 PU:2'


def ctl(*args, want=0):
    run = subprocess.run([GYRCTL, *args], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != want:
        print(run.stdout, run.stderr, sep='\n')
        raise SystemExit('gyrctl %s: exit %d, want %d' % (' '.join(args), run.returncode, want))
    return run.stdout if want in (0, 1) else run.stderr


def check(condition, what):
    if not condition:
        raise SystemExit('not so: ' + what)


def make(*args):
    subprocess.run([MAKE_DATA, *args], check=True, timeout=60)


def command_lines():
    check('Commands:' in ctl('--help'), 'help lists commands')
    for words in (['plan'], ['check'], ['ready'], ['top'], ['metrics'], ['errors'], ['wal'],
                  ['wal', 'dump'], ['wal', 'verify']):
        text = ctl(*words, '--help')
        check(text.startswith('usage: gyrctl ' + ' '.join(words)), 'help of %s' % words)
    check('there is no command' in ctl('fly', want=2), 'an unknown command is refused')
    check('no option --nonsense' in ctl('plan', '--nonsense', want=2), 'an unknown option too')
    check('is missing' in ctl('top', want=2), 'a missing operand too')


def plans(work):
    box = ROOT + '/hwconfig/box-8core.yaml'
    check('order           data spin' in ctl('plan', '--machine', BOX, box), 'lanes are shown')
    plan = json.loads(ctl('plan', '--json', '--machine', BOX, box))
    check(len({lane['core'] for lane in plan['lanes'] if lane['cpu'] >= 0}) == 7, 'seven cores')
    check(plan['memory_bytes'] == sum(row['bytes'] for row in plan['memory']), 'memory adds up')
    check('log.ring_size' in ctl('plan', '--fields'), 'fields are listed')
    bad = work + '/bad.yaml'
    with open(bad, 'w', encoding='utf-8') as file:
        file.write('chain:\n  genesis: g\nlog:\n  ring_size: 3MB\n')
    check(bad + ":4:14: log.ring_size: '3MB' is not a size" in ctl('plan', bad, want=3),
          'a wrong file is placed')
    ctl('plan', '--machine', 'Banana:2', box, want=13)
    ctl('plan', '/nowhere.yaml', want=5)


def checks(work):
    with open(ROOT + '/hwconfig/loopback.yaml', encoding='utf-8') as file:
        text = file.read().replace('directory: data', 'directory: ' + work + '/data')
    conf = work + '/loopback.yaml'
    with open(conf, 'w', encoding='utf-8') as file:
        file.write(text)
    for args in ([], [conf]):
        run = subprocess.run([GYRCTL, 'check', '--json', *args], capture_output=True, text=True,
                             timeout=60, check=False)
        report = json.loads(run.stdout)
        check(run.returncode == (0 if report['good'] else 1), 'the exit code is the answer')
        check(report['good'] == all(f['finding'] != 'wrong' for f in report['findings']),
              'good means that nothing is wrong')
        topics = {f['topic'] for f in report['findings']}
        check({'hugepages', 'governor', 'clock source', 'memlock'} <= topics, 'topics are there')
        if report['virtual_machine']:
            check(any(f['finding'] == 'not_applicable' for f in report['findings']),
                  'a virtual machine lacks something')


def logs(work):
    good, wrong, damaged = (work + '/' + name for name in ('good', 'wrong', 'damaged'))
    for folder in (good, wrong, damaged):
        os.mkdir(folder)
    make('log', good)
    make('log', wrong, 'wrong')
    make('log', damaged)
    check('good\n' in ctl('wal', 'verify', good), 'the log is good')
    report = json.loads(ctl('wal', 'verify', '--senders', '--json', good))
    check(report['good'] and report['senders']['checked'] == 100 and
          report['senders']['wrong'] == 0, 'all senders are right')
    lines = [json.loads(line) for line in ctl('wal', 'dump', '--json', good).splitlines()]
    check(sum(line['kind'] == 'tx' for line in lines) == 100, 'a hundred transactions')
    positions = [line['position'] for line in lines]
    check(positions == sorted(positions), 'in order')
    check(ctl('wal', 'dump', '--kind', 'reject', good).count('NONCE_GAP') == 10, 'ten rejects')
    half = positions[len(positions) // 2]
    first = ctl('wal', 'dump', '--from', str(half), '--count', '1', good)
    check(int(first.split()[0]) >= half, 'from a position on')
    check('is no kind of record' in ctl('wal', 'dump', '--kind', 'banana', good, want=2), 'kinds')
    # Signed by one, claimed for another: only --senders sees it.
    ctl('wal', 'verify', wrong)
    text = ctl('wal', 'verify', '--senders', wrong, want=1)
    check('1 wrong; the first at position' in text and 'NOT good' in text, 'a wrong sender shows')
    # A bit in the middle of what was durable.
    segment = sorted(glob.glob(damaged + '/log/*'), key=os.path.getsize)[-1]
    with open(segment, 'r+b') as file:
        file.seek(4096 * 3 + 100)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 4]))
    check('REFUSED' in ctl('wal', 'verify', damaged, want=1), 'damage is refused')
    check(json.loads(ctl('wal', 'verify', '--json', damaged, want=1))['good'] is False, 'in JSON')
    ctl('wal', 'verify', '/nowhere', want=5)


def errors(work):
    folder = work + '/errors-data'
    os.mkdir(folder)
    ctl('errors', folder, want=5)
    make('errors', folder)
    text = ctl('errors', folder, want=1)
    check(re.search(r'error +1 .*a flush failed at 4096 \(wal.c:20\)', text), 'the error')
    check(re.search(r'warning +3 .*disk is slow: 5.00 ms', text), 'and the warning')
    rows = json.loads(ctl('errors', '--json', folder, want=1))['errors']
    check([row['count'] for row in rows] == [1, 3], 'latest first')
    # The entries are of a fixed day: a second ago there was nothing.
    check('no errors' in ctl('errors', '--last', '1s', folder), 'nothing lately')


def live(work):
    folder = work + '/live'
    os.mkdir(folder)
    ctl('ready', folder, want=5)
    server = subprocess.Popen([MAKE_DATA, 'serve', folder])
    try:
        check('ready: the server is serving' in ctl('ready', '--wait', '10s', folder), 'ready')
        check(json.loads(ctl('ready', '--json', folder))['ready'] is True, 'ready in JSON')
        row = [line for line in ctl('top', '--once', '-i', '300ms', folder).splitlines()
               if line.startswith('gate 0') and '%' in line][0]
        shares = [float(share) for share in re.findall(r'([\d.]+)%', row)]
        check(shares == [25.0, 25.0, 50.0], 'busy, stalled and idle of the interval: %s' % row)
        frames = [json.loads(line) for line in
                  ctl('top', '--json', '-n', '2', '-i', '100ms', folder).splitlines()]
        check(len(frames) == 2 and frames[0]['state'] == 'serving', 'two frames')
        durable = frames[1]['latency_ns'][0]['durable']
        check(durable['count'] > 0 and 50000 <= durable['p50'] <= 53000, 'latencies')
        check('gyr_reject_verdict_total{by="sequence",reason="NONCE_GAP"}' in
              ctl('metrics', folder), 'Prometheus text')
        check(json.loads(ctl('metrics', '--json', folder))['server'][0]['epoch'] == 3, 'JSON')
        served(folder)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    check('not ready: the server is ended' in ctl('ready', folder, want=1), 'an end is seen')
    dead = subprocess.Popen([MAKE_DATA, 'serve', folder])
    ctl('ready', '--wait', '10s', folder)
    dead.kill()
    dead.wait(10)
    time.sleep(3.2)
    check('not ready: the server is dead' in ctl('ready', folder, want=1), 'a death is seen')
    target = os.readlink(folder + '/metrics')
    check(target.startswith('/dev/shm/gyr-'), 'shared memory is where it should be')
    os.unlink(target)


def served(folder):
    web = subprocess.Popen([GYRCTL, 'metrics', '--serve', '127.0.0.1:0', folder],
                           stdout=subprocess.PIPE, text=True)
    try:
        line = web.stdout.readline()
        port = re.search(r':(\d+)$', line.strip()).group(1)
        url = 'http://127.0.0.1:' + port
        with urllib.request.urlopen(url + '/metrics', timeout=10) as answer:
            check('gyr_stage_items_total{stage="gate 0"}' in answer.read().decode(), 'served')
        with urllib.request.urlopen(url + '/ready', timeout=10) as answer:
            check(answer.status == 200, 'ready over HTTP')
        try:
            urllib.request.urlopen(url + '/else', timeout=10)
            raise SystemExit('another path was answered')
        except urllib.error.HTTPError as error:
            check(error.code == 404, 'another path is not found')
    finally:
        web.send_signal(signal.SIGINT)
        check(web.wait(10) == 0, 'a signal ends serving in order')


def main():
    with tempfile.TemporaryDirectory() as work:
        command_lines()
        plans(work)
        checks(work)
        logs(work)
        errors(work)
        live(work)
    print('all commands as documented')


if __name__ == '__main__':
    main()
