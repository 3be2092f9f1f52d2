# SPDX-License-Identifier: Apache-2.0
"""A driver end to end on the veth lab: echo, ping, ARP and ND, VLAN, wrong checksums, fragments.

  net.py DRIVER            udp, af_packet or af_xdp; needs root, else it skips aloud (exit code 77)
  net.py probe ...         the client's half, which runs inside the client's namespace

 lab-client (this script: kernel sockets, raw frames)          lab-server (perf_echo serve DEVICE)
   10.77.0.1 fd77::1  gyr-c ------------------------ gyr-s  udp: .2 ::2   dpdk: .20 ::20 (its own)
"""
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

PORT = 9000
CLIENT_LINK = bytes.fromhex('026779720001')
SERVER_LINK = bytes.fromhex('026779720002')
EVERYONE = b'\xff' * 6
CLIENT4, CLIENT6 = '10.77.0.1', 'fd77::1'
VLAN = 7


def checksum(data, start=0):
    if len(data) % 2:
        data += b'\0'
    total = start + sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp4(payload, to, wrong=0, fragment=0x4000, source_port=40000):
    """An IPv4 packet with a datagram; wrong is added to its UDP checksum."""
    a, b = socket.inet_aton(CLIENT4), socket.inet_aton(to)
    udp = struct.pack('>HHHH', source_port, PORT, 8 + len(payload), 0) + payload
    total = checksum(a + b + struct.pack('>HH', 17, len(udp)) + udp)
    udp = udp[:6] + struct.pack('>H', (total + wrong) & 0xffff or 0xffff) + udp[8:]
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, fragment, 64, 17, 0, a, b)
    return ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:] + udp


def udp6_fragment(payload, to):
    a, b = (socket.inet_pton(socket.AF_INET6, x) for x in (CLIENT6, to))
    body = struct.pack('>BBHI', 17, 0, 1, 7) + struct.pack('>HHHH', 40000, PORT, 8, 1) + payload
    return struct.pack('>IHBB', 6 << 28, len(body), 44, 64) + a + b + body


def frame(ether_type, body, to=SERVER_LINK, vlan=None):
    tag = b'' if vlan is None else struct.pack('>HH', 0x8100, vlan)
    return to + CLIENT_LINK + tag + struct.pack('>H', ether_type) + body


def raw_socket():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(('gyr-c', 0))
    s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: the tag that the kernel took off
    return s


def raw_receive(s, match, seconds=2.0):
    """(frame, vlan) of the first received frame that matches; fails after a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not select.select([s], [], [], 0.1)[0]:
            continue
        data, control, _, address = s.recvmsg(4096, 256)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        vlan = None
        for level, kind, value in control:
            if (level, kind) == (263, 8):
                status, tci = struct.unpack('I', value[:4])[0], struct.unpack('H', value[16:18])[0]
                vlan = tci if status & 0x10 else None
        if match(data, vlan):
            return data, vlan
    raise AssertionError('no such frame came')


def echo(family, to, count, payload_max):
    """count datagrams of many lengths, 16 in flight; all must come back unchanged."""
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((CLIENT4 if family == socket.AF_INET else CLIENT6, 0))
    s.settimeout(2)
    sent, back = 0, set()
    while len(back) < count:
        while sent < count and sent - len(back) < 16:
            length = 4 + sent * 7919 % (payload_max - 3)
            payload = struct.pack('>I', sent) + bytes([sent % 251]) * (length - 4)
            s.sendto(payload, (to, PORT))
            sent += 1
        data, peer = s.recvfrom(65536)
        number = struct.unpack('>I', data[:4])[0]
        assert peer[:2] == (to, PORT), peer
        assert len(data) == 4 + number * 7919 % (payload_max - 3), (number, len(data))
        assert data[4:] == bytes([number % 251]) * (len(data) - 4)
        assert number not in back
        back.add(number)
    s.sendto(b'', (to, PORT))
    assert s.recvfrom(100)[0] == b''
    return count + 1


def ping(family, to):
    is_ipv4 = family == socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_ICMP if is_ipv4 else 58)
    s.settimeout(2)
    for number in range(5):
        body = os.urandom(56 + number * 300)
        message = struct.pack('>BBHHH', 8 if is_ipv4 else 128, 0, 0, 1, number) + body
        s.sendto(message, (to, 0))
        answer = s.recv(4096)
        assert answer[0] == (0 if is_ipv4 else 129), answer[:8]
        assert answer[6:8] == struct.pack('>H', number) and answer[8:] == body


def probe_plain(arguments):
    to4, to6, mtu = arguments['to4'], arguments['to6'], arguments['mtu']
    expected = echo(socket.AF_INET, to4, 1000, mtu - 28)
    expected += echo(socket.AF_INET6, to6, 1000, mtu - 48)
    ping(socket.AF_INET, to4)
    ping(socket.AF_INET6, to6)
    neighbours = subprocess.run(['ip', 'neigh', 'show', 'dev', 'gyr-c'], capture_output=True,
                                text=True, check=True).stdout
    for address in (to4, to6):
        row = [r for r in neighbours.split('\n') if r.startswith(address + ' ')]
        assert row and 'lladdr 02:67:79:72:00:02' in row[0], neighbours
    return {'rx_datagrams': expected, 'tx_datagrams': expected}


def probe_raw(arguments):
    """What a kernel's socket would never send."""
    to4, to6 = arguments['to4'], arguments['to6']
    s = raw_socket()
    for number in range(5):
        s.send(frame(0x0800, udp4(b'wrong', to4, wrong=1 + number)))
    for fragment in (0x2000, 0x2001, 0x0001):
        s.send(frame(0x0800, udp4(b'fragment', to4, fragment=fragment)))
    for _ in range(4):
        s.send(frame(0x86dd, udp6_fragment(b'fragment', to6)))
    s.send(frame(0x0800, udp4(b'cut', to4)[:24]))
    s.send(frame(0x0800, udp4(b'tagged', to4), vlan=VLAN))
    s.send(frame(0x0800, udp4(b'good', to4)))
    raw_receive(s, lambda data, vlan: data[42:46] == b'good' and vlan is None)
    # Over AF_PACKET the kernel keeps fragments of IPv4 to itself, to put them together.
    return {'rx_drop_checksum': 5, 'rx_drop_fragment': 4 if arguments['reassembled'] else 7,
            'rx_datagrams': 1, 'rx_drop_length': 1}


def probe_vlan(arguments):
    to4 = arguments['to4']
    s = raw_socket()
    request = bytes.fromhex('0001080006040001') + CLIENT_LINK + socket.inet_aton(CLIENT4) + \
        bytes(6) + socket.inet_aton(to4)
    # The tag's priority comes back with datagrams; an untagged question gets no answer.
    s.send(frame(0x0806, request, to=EVERYONE))
    s.send(frame(0x0806, request, to=EVERYONE, vlan=VLAN))
    answer, vlan = raw_receive(s, lambda d, v: d[12:14] == b'\x08\x06' and d[20:22] == b'\0\2')
    assert vlan is not None and vlan & 0xfff == VLAN, vlan
    assert answer[22:28] == SERVER_LINK
    for number in range(100):
        payload = b'tag%04d' % number
        s.send(frame(0x0800, udp4(payload, to4), vlan=0xa000 | VLAN))
        answer, vlan = raw_receive(s, lambda d, v, p=payload: d[42:42 + len(p)] == p)
        assert vlan == 0xa000 | VLAN, vlan
        assert checksum(answer[14:34]) == 0
    s.send(frame(0x0800, udp4(b'other', to4), vlan=VLAN + 1))
    s.send(frame(0x0800, udp4(b'none', to4)))
    s.send(frame(0x0800, udp4(b'last', to4), vlan=VLAN))
    raw_receive(s, lambda data, vlan: data[42:46] == b'last')
    return {'rx_datagrams': 101, 'tx_datagrams': 101}


def run(lab, device, step, arguments):
    """One server, one probe against it; compares what the probe expects with the counters."""
    echo_program = os.path.join(os.environ.get('GYR_BUILD_ROOT', 'build'), 'tests/perf/perf_echo')
    server = subprocess.Popen(
        ['ip', 'netns', 'exec', lab + '-server', echo_program, 'serve', device],
        stdout=subprocess.PIPE, text=True)
    try:
        ready = server.stdout.readline().split()
        assert ready[:1] == ['ready'], 'the server did not start'
        arguments['mtu'] = int(ready[3])
        done = subprocess.run(
            ['ip', 'netns', 'exec', lab + '-client', sys.executable, __file__, 'probe', step,
             json.dumps(arguments)], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == 0, '%s: %s failed' % (device, step)
        time.sleep(0.1)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            rest = server.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            server.kill()
            raise
    counters = {name: int(value) for name, value in (r.split() for r in rest.strip().split('\n'))}
    for name, value in json.loads(done.stdout).items():
        assert counters[name] == value, '%s: %s is %d, not %d' % (step, name, counters[name], value)
    print('ok  %-6s %s' % (step, device))


def main():
    if sys.argv[1] == 'probe':
        step = {'plain': probe_plain, 'raw': probe_raw, 'vlan': probe_vlan}[sys.argv[2]]
        print(json.dumps(step(json.loads(sys.argv[3]))))
        return 0
    driver = sys.argv[1]
    if os.geteuid() != 0:
        print('skipped: network namespaces need root')
        return 77
    lab = 'gyr-e2e-%d' % os.getpid()
    netns = os.path.join(os.environ.get('GYR_SOURCE_ROOT', '.'), 'tools/netns')
    environment = dict(os.environ, GYR_LAB=lab)
    # A killed test must not leave its lab behind: TERM becomes an exception, as Ctrl-C is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        subprocess.run([netns, 'up'], env=environment, check=True, stdout=subprocess.DEVNULL)
        if driver == 'udp':
            run(lab, 'udp:address=10.77.0.2,address6=fd77::2,port=9000', 'plain',
                {'to4': '10.77.0.2', 'to6': 'fd77::2'})
        else:
            device = 'dpdk:%s=gyr-s,address=10.77.0.20/24,address6=fd77::20/64,port=9000' % driver
            to = {'to4': '10.77.0.20', 'to6': 'fd77::20', 'reassembled': driver == 'af_packet'}
            run(lab, device, 'plain', to)
            run(lab, device, 'raw', to)
            run(lab, device + ',vlan=%d' % VLAN, 'vlan', to)
            subprocess.run([netns, 'up', '--mtu', '3000'], env=environment, check=True,
                           stdout=subprocess.DEVNULL)
            run(lab, device, 'plain', to)
    finally:
        subprocess.run([netns, 'down'], env=environment, check=False)
    return 0


if __name__ == '__main__':
    sys.exit(main())
