# SPDX-License-Identifier: Apache-2.0
"""The C codec, the Wireshark dissector and this file's own packing must say the same of a capture.

  dissect.py LIB_WIRE WIRE_PRINT DISSECTOR
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

LIB, PRINT, LUA = sys.argv[1:4]
sys.dont_write_bytecode = True
sys.path.insert(0, LIB)
from model import Protocol  # noqa: E402

DATAGRAMS = 300


def value_of(rng, protocol, field):
    """A valid value: int, or bytes."""
    if field.reserved:
        return 0 if field.integer else bytes(field.size)
    if not field.integer:
        return rng.randbytes(field.size)
    top = (1 << 8 * field.size) - 1
    if field.bits:
        return rng.getrandbits(8 * field.size) & protocol.mask_of(field.bits)
    if field.enum:
        return rng.choice([v for _, v, _ in protocol.values_of(field.enum)])
    top = field.max if field.max is not None else top
    return rng.choice([rng.randint(field.min, top), field.min, top])


def make(rng, protocol, message):
    """(body, {name: value})"""
    values = {}
    for field in message.fields:
        if field.size is not None:
            values[field.name] = value_of(rng, protocol, field)
    for field in message.tail:
        if field.type == 'counted':
            values[field.name] = rng.randbytes(rng.randint(0, message.field(field.count).max))
            values[field.count] = len(values[field.name])
        elif field.lengths:
            values[field.name] = rng.randbytes(rng.choice(field.lengths))
        else:
            values[field.name] = rng.randbytes(rng.randint(field.min, min(field.max, 300)))
    body = b''
    for field in message.fields:
        value = values[field.name]
        body += value.to_bytes(field.size, 'big') if field.integer else value
    return body, values


def make_capture(rng, protocol):
    """[(payload, [(name, {field: value})])] with every message many times."""
    out = []
    for i in range(DATAGRAMS):
        messages = [protocol.messages[(i + k) % len(protocol.messages)]
                    for k in range(rng.randint(1, 4))]
        blocks, said = b'', []
        for message in messages:
            body, values = make(rng, protocol, message)
            blocks += struct.pack('>BBH', message.type, rng.choice([0, 1, 2]), len(body)) + body
            said.append((message.name.lower(), values))
        header = {'version': 1, 'flags': rng.randint(0, 3), 'length': 36 + len(blocks),
                  'session': rng.getrandbits(64), 'client_sequence': rng.getrandbits(32),
                  'answer_sequence': rng.getrandbits(32)}
        payload = struct.pack('>BBHQII16x', *header.values()) + blocks
        out.append((payload, [('header', header)] + said))
    return out


def write_pcap(path, payloads, port):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))  # raw IP
        for i, payload in enumerate(payloads):
            udp = struct.pack('>HHHH', 40000, port, 8 + len(payload), 0) + payload
            packet = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), i & 0xffff, 0, 64, 17,
                                 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + udp
            file.write(struct.pack('<IIII', i, 0, len(packet), len(packet)) + packet)


def same(where, want, got):
    if want != got:
        raise SystemExit('%s: want %s, got %s' % (where, want, got))


def check_codec(capture):
    text = ''.join(payload.hex() + '\n' for payload, _ in capture)
    lines = subprocess.run([PRINT], input=text, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    fields = 0
    at = 0
    for number, (_, said) in enumerate(capture):
        for name, values in said:
            words = lines[at].split(' ')
            at += 1
            same('datagram %d' % number, name, words[0])
            for word in words[1:]:
                key, value = word.split('=')
                value = bytes.fromhex(value[1:]) if value.startswith('x') else int(value)
                same('datagram %d: %s.%s' % (number, name, key), values[key], value)
                fields += 1
    same('lines', len(lines), at)
    return fields


def check_dissector(capture, pcap):
    run = subprocess.run(
        ['tshark', '-r', pcap, '-X', 'lua_script:' + LUA, '-T', 'pdml'],
        capture_output=True, check=False)
    if run.returncode != 0:
        raise SystemExit('tshark: ' + run.stderr.decode())
    fields = 0
    packets = xml.etree.ElementTree.fromstring(run.stdout).findall('packet')
    same('packets', len(capture), len(packets))
    for number, (packet, (_, said)) in enumerate(zip(packets, capture)):
        found = [(f.get('name'), f.get('value') or '') for f in packet.iter('field')
                 if (f.get('name') or '').startswith('gyr_wire.')
                 and not f.get('name').startswith('gyr_wire.block.')]
        for bad in packet.iter('field'):
            if bad.get('name') == 'gyr_wire.truncated':
                raise SystemExit('datagram %d: the dissector says it is cut short' % number)
        want = []
        for name, values in said:
            for key, value in values.items():
                if isinstance(value, bytes):
                    if value:
                        want.append(('gyr_wire.%s.%s' % (name, key), value.hex()))
                else:
                    want.append(('gyr_wire.%s.%s' % (name, key), value))
            if name == 'header':
                want.append(('gyr_wire.header.tag', bytes(16).hex()))
        same('datagram %d: fields' % number, [k for k, _ in want], [k for k, _ in found])
        for (key, value), (_, shown) in zip(want, found):
            same('datagram %d: %s' % (number, key), value,
                 int(shown, 16) if isinstance(value, int) else shown)
            fields += 1
    return fields


def main():
    seed = int(os.environ.get('GYR_SEED') or random.randrange(1 << 32))
    print('# GYR_SEED=%d' % seed)
    protocol = Protocol(os.path.join(LIB, 'order_entry.toml'),
                        os.path.join(LIB, '../base/gyr_verdict.h'))
    capture = make_capture(random.Random(seed), protocol)
    print('%d fields: the codec agrees' % check_codec(capture))
    if shutil.which('tshark') is None:
        print('skipped the dissector: tshark is not installed')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        pcap = os.path.join(folder, 'order_entry.pcap')
        write_pcap(pcap, [payload for payload, _ in capture], protocol.port)
        print('%d fields: the dissector agrees' % check_dissector(capture, pcap))
    return 0


if __name__ == '__main__':
    sys.exit(main())
