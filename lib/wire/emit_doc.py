# SPDX-License-Identifier: Apache-2.0
"""The protocol document, in Markdown."""


def _table(out, protocol, message):
    out('| offset | bytes | field | type | unit | meaning |')
    out('| ---: | ---: | --- | --- | --- | --- |')
    for field in message.fields:
        notes = [field.text]
        if field.reserved:
            notes.append('Must be zero.')
        if field.bits:
            notes.append('Bits: ' + ', '.join(
                '%d %s' % (1 << v['bit'], v['name']) for v in protocol.bits_of(field.bits)) +
                '; others must be zero.')
        if field.enum == 'verdict':
            notes.append('See Codes.')
        elif field.enum == 'message':
            notes.append('See Messages.')
        elif field.enum:
            notes.append('Values: ' + ', '.join(
                '%d %s' % (v, n) for n, v, _ in protocol.values_of(field.enum)) + '.')
        if field.lengths:
            notes.append('%s bytes.' % ' or '.join(str(n) for n in field.lengths))
        elif field.size is None and field.max is not None:
            notes.append('%d to %d bytes.' % (field.min, field.max))
        elif field.max is not None or field.min:
            notes.append('From %d to %s.' % (
                field.min, field.max if field.max is not None else 'its maximum'))
        offset = '' if field.offset is None else str(field.offset)
        size = field.count if field.type == 'counted' else 'rest' if field.size is None \
            else str(field.size)
        kind = 'bytes' if not field.integer else field.type
        out('| %s | %s | %s | %s | %s | %s |' % (
            offset, size, field.name, kind, field.unit, ' '.join(
                n if n.endswith('.') else n + '.' for n in notes)))
    out()


def emit_doc(protocol, source):
    lines = []

    def out(text=''):
        lines.append(text)

    out('# %s, version %d' % (protocol.name[0].upper() + protocol.name[1:], protocol.version))
    out()
    out('Made from `%s`: the C codec and the Wireshark dissector come from the same description.'
        % source)
    out('UDP port %d unless configured otherwise.' % protocol.port)
    out()
    out(protocol.text)
    out()
    out('## Datagram header (%d bytes)' % protocol.header.fixed)
    out()
    out(protocol.header.text)
    out()
    _table(out, protocol, protocol.header)
    out('## Message block (%d bytes, then the body)' % protocol.block.fixed)
    out()
    out(protocol.block.text)
    out()
    _table(out, protocol, protocol.block)
    out('## Messages')
    out()
    out('| type | name | from | fixed bytes |')
    out('| --- | --- | --- | ---: |')
    for message in protocol.messages:
        out('| 0x%02x | %s | %s | %d |' % (
            message.type, message.name, message.sender, message.fixed))
    out()
    for message in protocol.messages:
        out('### %s (0x%02x, from the %s)' % (message.name, message.type, message.sender))
        out()
        out(message.text)
        out()
        if message.fields:
            _table(out, protocol, message)
        else:
            out('No fields.')
            out()
    out('## Tables')
    out()
    for row in protocol.bits:
        out('### %s (bits)' % row['name'])
        out()
        out(row['text'])
        out()
        for value in row['values']:
            out('* %d **%s**: %s' % (1 << value['bit'], value['name'], value['text']))
        out()
    for row in protocol.enums:
        out('### %s' % row['name'])
        out()
        out(row['text'])
        out()
        for value in row['values']:
            out('* %d **%s**: %s' % (value['value'], value['name'], value['text']))
        out()
    out('## Codes')
    out()
    out('What REJECTED, SKIPPED, STATUS_REPLY and CLOSED give as reason. The numbers are stable.')
    out()
    out('| code | name | text |')
    out('| ---: | --- | --- |')
    for name, number, text in protocol.verdicts:
        out('| %d | %s | %s |' % (number, name, text))
    return '\n'.join(lines) + '\n'
