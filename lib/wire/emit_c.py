# SPDX-License-Identifier: Apache-2.0
"""The C codec: structs, sizes, bounds-checked decode, encode that refuses what does not fit."""
from model import INTEGERS

C_TYPE = {'u8': 'uint8_t', 'u16': 'uint16_t', 'u32': 'uint32_t', 'u64': 'uint64_t'}


def _load(field, at):
    if field.type == 'u8':
        return '%s[%d]' % (at, field.offset)
    return 'gyr_load_be%d(%s + %d)' % (field.size * 8, at, field.offset)


def _store(field, at, value):
    if field.type == 'u8':
        return '%s[%d] = %s;' % (at, field.offset, value)
    return 'gyr_store_be%d(%s + %d, %s);' % (field.size * 8, at, field.offset, value)


def _shown(fields):
    """Fields that the struct has: not the reserved ones, not the length of a counted one."""
    counts = {f.count for f in fields if f.type == 'counted'}
    return [f for f in fields if not f.reserved and f.name not in counts]


def _struct(out, protocol, message, name):
    out('/* %s */' % message.text.replace('*/', ''))
    out('struct %s_%s {' % (protocol.prefix, name))
    fields = _shown(message.fields)
    for field in fields:
        note = field.text + (' [%s]' % field.unit if field.unit else '')
        if field.size is None:
            declaration = 'struct gyr_slice %s;' % field.name
        elif field.integer:
            declaration = '%s %s;' % (C_TYPE[field.type], field.name)
        else:
            declaration = 'uint8_t %s[%d];' % (field.name, field.size)
        out('\t%s /* %s */' % (declaration, note))
    if not fields:
        out('\tuint8_t unused; /* no fields */')
    out('};')
    out()


def _checks(protocol, message):
    """C conditions that make a decoded message bad."""
    bad = []
    for field in message.fields:
        if field.size is None:
            continue
        if field.reserved:
            if field.integer:
                bad.append('%s != 0' % _load(field, 'body'))
            else:
                bad.append('!%s_zero(body + %d, %d)' % (
                    protocol.prefix, field.offset, field.size))
            continue
        value = _load(field, 'body')
        if field.bits:
            if protocol.mask_of(field.bits) != (1 << (8 * field.size)) - 1:
                bad.append('(%s & ~0x%xu) != 0' % (value, protocol.mask_of(field.bits)))
        elif field.enum and not field.open:
            top = max(v for _, v, _ in protocol.values_of(field.enum))
            bad.append('%s > %d' % (value, top))
        if field.min:
            bad.append('%s < %d' % (value, field.min))
        if field.max is not None:
            bad.append('%s > %d' % (value, field.max))
    return bad


def _decode(out, protocol, message, name):
    upper = message.name
    out('/*')
    out(' * Decodes the body of %s; slices point into it. MESSAGE_TRUNCATED or'
        ' MESSAGE_FIELD' % upper)
    out(' * otherwise, and nothing of *message is to be used then.')
    out(' */')
    out('static inline enum gyr_verdict %s_%s_decode(struct %s_%s *message, const uint8_t *body,'
        % (protocol.prefix, name, protocol.prefix, name))
    out('\tsize_t length)')
    out('{')
    if not message.fields:
        out('\t(void)body;')
        out('\tmessage->unused = 0;')
        out('\treturn length == 0 ? GYR_VERDICT_OK : GYR_VERDICT_MESSAGE_FIELD;')
        out('}')
        out()
        return
    out('\tsize_t at = %d;' % message.fixed)
    out()
    if message.fixed:
        out('\tif (GYR_UNLIKELY(length < at))')
        out('\t\treturn GYR_VERDICT_MESSAGE_TRUNCATED;')
    for condition in _checks(protocol, message):
        out('\tif (GYR_UNLIKELY(%s))' % condition)
        out('\t\treturn GYR_VERDICT_MESSAGE_FIELD;')
    for field in _shown(message.fields):
        if field.size is not None:
            if field.integer:
                out('\tmessage->%s = %s;' % (field.name, _load(field, 'body')))
            else:
                out('\tmemcpy(message->%s, body + %d, %d);' % (
                    field.name, field.offset, field.size))
        elif field.type == 'counted':
            out('\tmessage->%s = (struct gyr_slice){ body + at, %s };' % (
                field.name, _load(message.field(field.count), 'body')))
            out('\tif (GYR_UNLIKELY(length - at < message->%s.length))' % field.name)
            out('\t\treturn GYR_VERDICT_MESSAGE_TRUNCATED;')
            out('\tat += message->%s.length;' % field.name)
        else:
            out('\tmessage->%s = (struct gyr_slice){ body + at, length - at };' % field.name)
            if field.lengths:
                out('\tif (GYR_UNLIKELY(%s))' % ' && '.join(
                    'length - at != %d' % n for n in field.lengths))
                out('\t\treturn GYR_VERDICT_MESSAGE_FIELD;')
            else:
                if field.min:
                    out('\tif (GYR_UNLIKELY(length - at < %d))' % field.min)
                    out('\t\treturn GYR_VERDICT_MESSAGE_TRUNCATED;')
                if field.max is not None:
                    out('\tif (GYR_UNLIKELY(length - at > %d))' % field.max)
                    out('\t\treturn GYR_VERDICT_MESSAGE_FIELD;')
            out('\tat = length;')
    out('\treturn at == length ? GYR_VERDICT_OK : GYR_VERDICT_MESSAGE_FIELD;')
    out('}')
    out()


def _encode(out, protocol, message, name):
    upper = message.name
    block = protocol.block.fixed
    parameter = 'message' if message.fields else 'message'
    out('/*')
    out(' * Encodes %s with its block header into room bytes at to. Returns the bytes used, or'
        ' 0' % upper)
    out(' * when they do not fit or a slice is out of its bounds.')
    out(' */')
    out('static inline size_t %s_%s_encode(uint8_t *to, size_t room,' % (protocol.prefix, name))
    out('\tconst struct %s_%s *%s, uint8_t block_flags)' % (protocol.prefix, name, parameter))
    out('{')
    sizes = [str(message.fixed)] + ['message->%s.length' % f.name for f in message.tail]
    if message.tail:
        conditions = []
        for field in message.tail:
            top = field.max
            if field.type == 'counted':
                top = message.field(field.count).max or 0xffff
            length = 'message->%s.length' % field.name
            if field.lengths:
                conditions.append('(%s)' % ' && '.join(
                    '%s != %d' % (length, n) for n in field.lengths))
            else:
                if top is not None:
                    conditions.append('%s > %d' % (length, top))
                if field.min:
                    conditions.append('%s < %d' % (length, field.min))
        out('\tif (GYR_UNLIKELY(%s))' % ' || '.join(conditions))
        out('\t\treturn 0;')
        out()
        out('\tsize_t length = %s;' % ' + '.join(sizes))
    else:
        out('\tsize_t length = %d;' % message.fixed)
    if message.fields:
        out('\tuint8_t *body = to + %d;' % block)
    out()
    if not message.fields:
        out('\t(void)message;')
    out('\tif (GYR_UNLIKELY(room < %d || length > room - %d || length > 0xffff))' % (
        block, block))
    out('\t\treturn 0;')
    out('\tto[0] = %s_%s;' % (protocol.prefix.upper(), upper))
    out('\tto[1] = block_flags;')
    out('\tgyr_store_be16(to + 2, (uint16_t)length);')
    counted = {f.count: f for f in message.fields if f.type == 'counted'}
    for field in message.fields:
        if field.size is None:
            continue
        if field.reserved:
            out('\tmemset(body + %d, 0, %d);' % (field.offset, field.size))
        elif field.name in counted:
            out('\t' + _store(field, 'body',
                              '(uint16_t)message->%s.length' % counted[field.name].name))
        elif field.integer:
            out('\t' + _store(field, 'body', 'message->%s' % field.name))
        else:
            out('\tmemcpy(body + %d, message->%s, %d);' % (field.offset, field.name, field.size))
    at = [str(message.fixed)]
    for field in message.tail:
        out('\tif (message->%s.length != 0)' % field.name)
        out('\t\tmemcpy(body + %s, message->%s.data, message->%s.length);' % (
            ' + '.join(at), field.name, field.name))
        at.append('message->%s.length' % field.name)
    out('\treturn %d + length;' % block)
    out('}')
    out()


def _constants(out, protocol):
    upper = protocol.prefix.upper()
    out('#define %s_VERSION %d' % (upper, protocol.version))
    out('#define %s_PORT %d /* by default */' % (upper, protocol.port))
    out('#define %s_HEADER_BYTES %d' % (upper, protocol.header.fixed))
    out('#define %s_BLOCK_BYTES %d' % (upper, protocol.block.fixed))
    out()
    out('/* Message types. */')
    out('enum %s_message {' % protocol.prefix)
    for message in protocol.messages:
        out('\t%s_%s = 0x%02x,' % (upper, message.name, message.type))
    out('};')
    out()
    out('/* Bytes of the fixed part of a body; what may follow is in the struct. */')
    out('enum {')
    for message in protocol.messages:
        out('\t%s_%s_BYTES = %d,' % (upper, message.name, message.fixed))
    out('};')
    out()
    for row in protocol.bits:
        out('/* %s */' % row['text'])
        out('enum %s_%s_bits {' % (protocol.prefix, row['name']))
        for value in row['values']:
            out('\t%s_%s_%s = 1 << %d, /* %s */' % (
                upper, row['name'].upper(), value['name'], value['bit'], value['text']))
        out('\t%s_%s_MASK = 0x%x,' % (upper, row['name'].upper(), protocol.mask_of(row['name'])))
        out('};')
        out()
    for row in protocol.enums:
        out('/* %s */' % row['text'])
        out('enum %s_%s {' % (protocol.prefix, row['name']))
        for value in row['values']:
            out('\t%s_%s_%s = %d, /* %s */' % (
                upper, row['name'].upper(), value['name'], value['value'], value['text']))
        out('};')
        out()


def _header(out, protocol):
    prefix = protocol.prefix
    header = protocol.header
    _struct(out, protocol, header, 'header')
    out('/* Reads a datagram header; the caller has at least %d bytes there. */' % header.fixed)
    out('static inline void %s_header_load(struct %s_header *header, const uint8_t *from)' % (
        prefix, prefix))
    out('{')
    for field in _shown(header.fields):
        out('\theader->%s = %s;' % (field.name, _load(field, 'from')))
    out('}')
    out()
    out('/* True when the reserved fields of a header are zero and its flags are known. */')
    out('static inline bool %s_header_valid(const uint8_t *from)' % prefix)
    out('{')
    out('\treturn %s;' % ' && '.join(
        ['%s_zero(from + %d, %d)' % (prefix, f.offset, f.size)
         for f in header.fields if f.reserved] +
        ['(%s & ~0x%xu) == 0' % (_load(f, 'from'), protocol.mask_of(f.bits))
         for f in header.fields if f.bits]))
    out('}')
    out()
    out('/* Writes a datagram header; the caller has at least %d bytes there. */' % header.fixed)
    out('static inline void %s_header_store(uint8_t *to, const struct %s_header *header)' % (
        prefix, prefix))
    out('{')
    for field in header.fields:
        if field.reserved:
            out('\tmemset(to + %d, 0, %d);' % (field.offset, field.size))
        else:
            out('\t' + _store(field, 'to', 'header->%s' % field.name))
    out('}')
    out()


def emit_header(protocol, guard, source):
    lines = []

    def out(text=''):
        lines.append(text)

    out('/* SPDX-License-Identifier: Apache-2.0 */')
    out('/*')
    out(' * Made from %s by generate.py: do not edit. Structs, sizes, encode and decode of'
        % source)
    out(' * %s, version %d. Decoding checks every bound and field; integers' % (
        protocol.name, protocol.version))
    out(' * are big-endian. No state.')
    out(' */')
    out('#ifndef %s' % guard)
    out('#define %s' % guard)
    out()
    out('#include "gyr_bytes.h"')
    out('#include "gyr_verdict.h"')
    out()
    _constants(out, protocol)
    out('/* The message name, for example "SUBMIT"; NULL for a type that is none. */')
    out('const char *%s_message_name(unsigned type);' % protocol.prefix)
    out()
    out('static inline bool %s_zero(const uint8_t *bytes, size_t length)' % protocol.prefix)
    out('{')
    out('\tuint8_t any = 0;')
    out()
    out('\tfor (size_t i = 0; i < length; i++)')
    out('\t\tany |= bytes[i];')
    out('\treturn any == 0;')
    out('}')
    out()
    _header(out, protocol)
    for message in protocol.messages:
        name = message.name.lower()
        _struct(out, protocol, message, name)
        _decode(out, protocol, message, name)
        _encode(out, protocol, message, name)
    out('#endif')
    return '\n'.join(lines) + '\n'


def emit_source(protocol, header):
    lines = ['/* SPDX-License-Identifier: Apache-2.0 */',
             '/* Made by generate.py: do not edit. */',
             '#include "%s"' % header, '',
             'const char *%s_message_name(unsigned type)' % protocol.prefix, '{',
             '\tswitch (type) {']
    for message in protocol.messages:
        lines += ['\tcase %s_%s:' % (protocol.prefix.upper(), message.name),
                  '\t\treturn "%s";' % message.name]
    lines += ['\tdefault:', '\t\treturn NULL;', '\t}', '}']
    return '\n'.join(lines) + '\n'


def _print_field(field):
    if field.integer:
        return '(void)fprintf(to, " %s=%%llu", (unsigned long long)message.%s);' % (
            field.name, field.name)
    if field.size is not None:
        return 'print_bytes(to, "%s", message.%s, %d);' % (field.name, field.name, field.size)
    return 'print_bytes(to, "%s", message.%s.data, message.%s.length);' % (
        field.name, field.name, field.name)


def emit_printer(protocol, header):
    """For tests: prints what the codec decodes, one message a line, name=value."""
    lines = ['/* SPDX-License-Identifier: Apache-2.0 */', '/* Made by generate.py: do not edit. */',
             '#include <stdio.h>', '', '#include "%s"' % header, '',
             'static void print_bytes(FILE *to, const char *name, const uint8_t *bytes,'
             ' size_t length)', '{', '\t(void)fprintf(to, " %s=x", name);',
             '\tfor (size_t i = 0; i < length; i++)',
             '\t\t(void)fprintf(to, "%02x", bytes[i]);', '}', '',
             'static enum gyr_verdict print_message(FILE *to, unsigned type,'
             ' const uint8_t *body, size_t length)', '{', '\tenum gyr_verdict verdict;', '',
             '\tswitch (type) {']
    for message in protocol.messages:
        name = message.name.lower()
        lines += ['\tcase %s_%s: {' % (protocol.prefix.upper(), message.name),
                  '\t\tstruct %s_%s message;' % (protocol.prefix, name), '',
                  '\t\tverdict = %s_%s_decode(&message, body, length);' % (
                      protocol.prefix, name),
                  '\t\tif (verdict != GYR_VERDICT_OK)', '\t\t\treturn verdict;',
                  '\t\t(void)fprintf(to, "%s");' % name]
        lines += ['\t\t' + _print_field(f) for f in _shown(message.fields)]
        lines += ['\t\tbreak;', '\t}']
    lines += ['\tdefault:', '\t\treturn GYR_VERDICT_MESSAGE_UNKNOWN;', '\t}',
              '\t(void)fprintf(to, "\\n");', '\treturn GYR_VERDICT_OK;', '}']
    return '\n'.join(lines) + '\n'


assert set(C_TYPE) == set(INTEGERS)
