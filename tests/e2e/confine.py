# SPDX-License-Identifier: Apache-2.0
"""gyrd gives up what it no longer needs: started as root it ends up as another user, without
capabilities on its lanes, with a filter of system calls on data lanes, and serves all the same.

  confine.py GYRD BENCH GYRCTL ROOT udp|af_xdp     af_xdp needs root, else it skips aloud (77)
"""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

GYRD, BENCH, GYRCTL, ROOT, DRIVER = sys.argv[1:6]
LAB = 'gyrconfine%d' % os.getpid()
NETNS = os.path.join(ROOT, 'tools/netns')
AS_ROOT = os.geteuid() == 0
USER = 'nobody'
COUNT = 3000


def expect(what, condition, detail=''):
    print('%-5s %s' % ('ok' if condition else 'FAIL', what))
    if not condition:
        print(detail)
        sys.exit(1)


def inside(side, command):
    return command if DRIVER == 'udp' else ['ip', 'netns', 'exec', LAB + '-' + side] + command


def configure(work, security, port=9351):
    device = ('udp:address=127.0.0.1,port=%d' % port if DRIVER == 'udp' else
              'dpdk:af_xdp=gyr-s,address=10.77.0.20/24,port=%d' % port)
    with open(os.path.join(ROOT, 'hwconfig/loopback.yaml'), encoding='utf-8') as file:
        text = file.read()
    text = re.sub(r'device: .*', 'device: "%s"' % device, text)
    text = re.sub(r'security:\n(  .*\n)+', 'security:\n' + security, text)
    with open(os.path.join(work, 'gyr.yaml'), 'w', encoding='utf-8') as file:
        file.write(text)


class Server:
    def __init__(self, work):
        self.errors = open(os.path.join(work, 'stderr'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen(inside('server', [GYRD, '--config', work + '/gyr.yaml']),
                                        text=True, stdout=subprocess.PIPE, stderr=self.errors)
        for line in self.process.stdout:
            if line.startswith('gyrd: ready'):
                return
        raise SystemExit('gyrd did not start:\n' + self.said())

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def threads(self):
        """name → the fields of its status."""
        found = {}
        base = '/proc/%d/task' % self.process.pid
        for task in os.listdir(base):
            with open('%s/%s/status' % (base, task), encoding='utf-8') as file:
                fields = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
            found[fields['Name']] = fields
        return found

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.stdout.read()
        return self.process.wait(timeout=60)


def load(first):
    gate = '127.0.0.1:9351' if DRIVER == 'udp' else '10.77.0.20:9351'
    return subprocess.run(inside('client', [
        BENCH, 'run', '--gate', gate, '--rate', '1000', '--count', str(COUNT), '--accounts', '8',
        '--first-nonce', str(first), '--idle', 'sleep', '--drain', '60s']),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=200)


def look(server, uid):
    threads = server.threads()
    lane, cold = threads['data0'], threads['cold0']
    expect('the data lane has its filter and gains no privileges',
           lane['Seccomp'].strip() == '2' and lane['NoNewPrivs'].strip() == '1', str(lane))
    expect('the data lane has no capability', int(lane['CapPrm'], 16) == 0, lane['CapPrm'])
    expect('cold lanes have no filter', cold['Seccomp'].strip() == '0', str(cold))
    if uid is None:
        return
    expect('every thread is user %s' % USER,
           all(set(t['Uid'].split()) == {str(uid)} for t in threads.values()),
           {n: t['Uid'] for n, t in threads.items()})
    expect('cold lanes have no capability either', int(cold['CapPrm'], 16) == 0, cold['CapPrm'])
    # The thread that opened closes the device: for DPDK it keeps CAP_NET_ADMIN.
    expect('the first thread keeps what closing needs, no more',
           int(threads['gyrd']['CapPrm'], 16) == (0 if DRIVER == 'udp' else 1 << 12))


def serve_confined(work):
    uid = pwd.getpwnam(USER).pw_uid if AS_ROOT else None
    data = os.path.join(work, 'data')
    configure(work, '  user: %s\n' % USER if AS_ROOT else '  seccomp: yes\n')
    for run in range(2):
        server = Server(work)
        look(server, uid)
        result = load(run * COUNT // 8)
        expect('it serves: %d transfers EXECUTED' % COUNT, result.returncode == 0,
               result.stdout + server.said())
        if AS_ROOT:
            owners = {os.lstat(os.path.join(data, name)).st_uid for name in os.listdir(data)}
            expect('the data directory is the user\'s', owners == {uid}, str(owners))
        code = server.end(signal.SIGKILL if run == 0 else signal.SIGTERM)
        expect('it ends as told', code == (-9 if run == 0 else 0), server.said())
    if DRIVER == 'af_xdp':
        links = subprocess.run(['ip', '-n', LAB + '-server', 'link', 'show', 'gyr-s'], text=True,
                               capture_output=True, check=True).stdout
        expect('its XDP program is taken off the interface', 'xdp' not in links, links)
    log = subprocess.run([GYRCTL, 'wal', 'verify', data], capture_output=True, text=True,
                         check=False)
    expect('the log of both runs is whole', log.returncode == 0, log.stdout)
    journal(data, server)


def journal(data, server):
    """The lines of the journal are there, and errors that a start left are found."""
    text = server.said()
    for part in (r'note +gyr \d', r'epoch \d+ begins at log position', r'told to stop',
                 r'stopped in order'):
        expect('the journal says "%s"' % part, re.search(part, text), text)
    errors = subprocess.run([GYRCTL, 'errors', '--json', data], capture_output=True, text=True,
                            check=False)
    expect('gyrctl errors finds no error', errors.returncode == 0, errors.stdout + errors.stderr)
    json.loads(errors.stdout)


def switched_off(work):
    configure(work, '  seccomp: no\n')
    server = Server(work)
    expect('security.seccomp: no leaves the filter out',
           server.threads()['data0']['Seccomp'].strip() == '0')
    server.end()


def refused(work):
    """Clear errors: a user that is not there, one that may not be become, a closed way."""
    def run(security, **more):
        configure(work, security)
        run = subprocess.run([GYRD, '--config', work + '/gyr.yaml'], capture_output=True,
                             text=True, check=False, timeout=60, **more)
        return run.returncode, run.stderr

    code, text = run('  user: no-such-user\n')
    expect('an unknown user is a configuration error',
           code == 3 and "no user 'no-such-user'" in text, text)
    if not AS_ROOT:
        code, text = run('  user: root\n')
        expect('who is not root becomes nobody else', code == 11 and 'only root' in text, text)
        return
    os.chmod(work, 0o700)
    code, text = run('  user: %s\n' % USER)
    expect('a data directory that the user cannot reach is told', code == 11 and
           'is closed to it' in text, text)
    errors = subprocess.run([GYRCTL, 'errors', work + '/data'], capture_output=True, text=True,
                            check=False)
    expect('and is in the log of errors', errors.returncode == 1 and 'is closed to it' in
           errors.stdout, errors.stdout)
    os.chmod(work, 0o755)


def main():
    if DRIVER == 'af_xdp':
        if not AS_ROOT:
            print('skipped: the veth lab needs root')
            sys.exit(77)
        made = subprocess.run([NETNS, 'up'], env=dict(os.environ, GYR_LAB=LAB), check=False,
                              stdout=subprocess.DEVNULL)
        if made.returncode != 0:
            print('skipped: no network namespaces here')
            sys.exit(77)
    work = tempfile.mkdtemp(prefix='gyr-confine-')
    os.chmod(work, 0o755)
    os.mkdir(work + '/data')
    try:
        subprocess.run([BENCH, 'genesis', '--accounts', '8', '--out', work + '/genesis.json'],
                       check=True)
        serve_confined(work)
        if DRIVER == 'udp':
            switched_off(work)
            refused(work)
    finally:
        time.sleep(0.1)
        shutil.rmtree(work)
        if DRIVER == 'af_xdp':
            subprocess.run([NETNS, 'down'], env=dict(os.environ, GYR_LAB=LAB), check=False)


main()
