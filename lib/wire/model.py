# SPDX-License-Identifier: Apache-2.0
"""Reads a protocol description (*.toml) and the verdicts, checks them, works out offsets."""
import re
import tomllib

INTEGERS = {'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8}


class Bad(Exception):
    """The description is off."""


class Field:
    def __init__(self, where, row, offset):
        known = {'name', 'type', 'unit', 'text', 'enum', 'bits', 'reserved', 'open', 'count',
                 'min', 'max', 'lengths'}
        if set(row) - known:
            raise Bad('%s: unknown keys %s' % (where, set(row) - known))
        self.name = row['name']
        self.type = row['type']
        self.text = row['text']
        self.unit = row.get('unit', '')
        self.enum = row.get('enum')
        self.bits = row.get('bits')
        self.open = row.get('open', False)
        self.reserved = row.get('reserved', False)
        self.count = row.get('count')
        self.min = row.get('min', 0)
        self.max = row.get('max')
        self.lengths = row.get('lengths')
        self.offset = offset  # in the fixed part; None behind it
        if self.type in INTEGERS:
            self.size = INTEGERS[self.type]
        elif re.fullmatch(r'bytes\d+', self.type):
            self.size = int(self.type[5:])
        elif self.type in ('counted', 'rest'):
            self.size = None
        else:
            raise Bad('%s.%s: type %s' % (where, self.name, self.type))

    @property
    def integer(self):
        return self.type in INTEGERS


class Message:
    def __init__(self, row):
        self.name = row['name']
        self.type = row.get('type')
        self.sender = row.get('from')
        self.text = row['text']
        self.fields = []
        offset = 0
        for field_row in row['fields']:
            field = Field(self.name, field_row, offset)
            if field.size is None:
                if any(f.size is None and f.type == 'rest' for f in self.fields):
                    raise Bad('%s: nothing follows a rest' % self.name)
                field.offset = None
            else:
                if any(f.size is None for f in self.fields):
                    raise Bad('%s.%s: fixed fields come first' % (self.name, field.name))
                offset += field.size
            self.fields.append(field)
        self.fixed = offset
        names = {f.name for f in self.fields}
        for field in self.fields:
            if field.type == 'counted' and field.count not in names:
                raise Bad('%s.%s: no field %s' % (self.name, field.name, field.count))

    def field(self, name):
        return next(f for f in self.fields if f.name == name)

    @property
    def tail(self):
        return [f for f in self.fields if f.size is None]

    @property
    def body_min(self):
        least = self.fixed
        for field in self.tail:
            if field.type == 'rest':
                least += min(field.lengths) if field.lengths else field.min
        return least


def read_verdicts(path):
    """[(name, number, text)] from the X table of gyr_verdict.h."""
    text = open(path, encoding='utf-8').read()
    rows = re.findall(r'^\tX\((\w+), (\d+), "([^"]*)"\)', text, re.M)
    if len(rows) < 10:
        raise Bad('%s: no verdicts found' % path)
    return [(name, int(number), words) for name, number, words in rows]


class Protocol:
    def __init__(self, path, verdict_path):
        with open(path, 'rb') as file:
            top = tomllib.load(file)
        self.name = top['name']
        self.prefix = top['prefix']
        self.version = top['version']
        self.port = top['port']
        self.text = top['text'].strip()
        self.header = Message({'name': 'HEADER', **top['header']})
        self.block = Message({'name': 'BLOCK', **top['block']})
        self.bits = top['bits']
        self.enums = top['enum']
        self.messages = [Message(row) for row in top['message']]
        self.verdicts = read_verdicts(verdict_path)
        for message in self.messages:
            if (message.sender == 'gate') != (message.type >= 0x80):
                raise Bad('%s: types from 0x80 are the gate\'s' % message.name)
        if len({m.type for m in self.messages}) != len(self.messages):
            raise Bad('two messages of one type')

    def values_of(self, name):
        """[(name, value, text)] of an enum; verdicts and message types are enums too."""
        if name == 'verdict':
            return self.verdicts
        if name == 'message':
            return [(m.name, m.type, '') for m in self.messages]
        for row in self.enums:
            if row['name'] == name:
                return [(v['name'], v['value'], v['text']) for v in row['values']]
        raise Bad('no enum %s' % name)

    def mask_of(self, name):
        for row in self.bits:
            if row['name'] == name:
                return sum(1 << v['bit'] for v in row['values'])
        raise Bad('no bits %s' % name)

    def bits_of(self, name):
        return next(row for row in self.bits if row['name'] == name)['values']
