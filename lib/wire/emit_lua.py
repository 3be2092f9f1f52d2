# SPDX-License-Identifier: Apache-2.0
"""The Wireshark dissector, in Lua (Wireshark 3.x and 4.x)."""

DIGITS = {1: 'uint8', 2: 'uint16', 4: 'uint32', 8: 'uint64'}


def _quote(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', ' ')


def _field_line(protocol, message, field):
    key = '%s.%s.%s' % (protocol.prefix, message.name.lower(), field.name)
    label = field.name + (' (%s)' % field.unit if field.unit else '')
    if not field.integer:
        return 'ProtoField.bytes(%s, %s)' % (_quote(key), _quote(label))
    base = 'base.HEX' if field.bits or field.name == 'session' else 'base.DEC'
    extra = ', values_%s' % field.enum if field.enum and field.size <= 4 else ''
    return 'ProtoField.%s(%s, %s, %s%s)' % (
        DIGITS[field.size], _quote(key), _quote(label), base, extra)


def _dissect(out, message, name):
    out('bodies[0x%02x] = function(buffer, tree)' % message.type)
    out('\tif buffer:len() < %d then' % message.fixed)
    out('\t\ttree:add_proto_expert_info(truncated)')
    out('\t\treturn')
    out('\tend')
    for field in message.fields:
        if field.size is not None:
            out('\ttree:add(fields.%s_%s, buffer(%d, %d))' % (
                name, field.name, field.offset, field.size))
    if message.tail:
        out('\tlocal at = %d' % message.fixed)
    for field in message.tail:
        if field.type == 'counted':
            count = message.field(field.count)
            out('\tlocal count = buffer(%d, %d):uint()' % (count.offset, count.size))
            out('\tif count > buffer:len() - at then')
            out('\t\ttree:add_proto_expert_info(truncated)')
            out('\t\treturn')
            out('\tend')
        else:
            out('\tlocal count = buffer:len() - at')
        out('\tif count > 0 then')
        out('\t\ttree:add(fields.%s_%s, buffer(at, count))' % (name, field.name))
        out('\tend')
        out('\tat = at + count')
    out('end')
    out()


def emit_lua(protocol, source):
    lines = []

    def out(text=''):
        lines.append(text)

    prefix = protocol.prefix
    header, block = protocol.header, protocol.block
    out('-- SPDX-License-Identifier: Apache-2.0')
    out('-- %s for Wireshark and tshark. Made from %s by generate.py: do not edit.' % (
        protocol.name, source))
    out('-- Use: put it into the personal plugin folder, or tshark -X lua_script:<this file>.')
    out('-- Other ports: Decode As, or the preference %s.port.' % prefix)
    out()
    out('local proto = Proto(%s, %s)' % (_quote(prefix), _quote(protocol.name)))
    out('proto.prefs.port = Pref.uint("UDP port", %d, "of the gate")' % protocol.port)
    out()
    for name in ['verdict', 'message'] + [row['name'] for row in protocol.enums]:
        out('local values_%s = {' % name)
        for value_name, value, text in protocol.values_of(name):
            shown = value_name + (': ' + text if name == 'verdict' else '')
            out('\t[%d] = %s,' % (value, _quote(shown)))
        out('}')
    out()
    out('local fields = proto.fields')
    for message in [header, block] + protocol.messages:
        for field in message.fields:
            out('fields.%s_%s = %s' % (
                message.name.lower(), field.name,
                _field_line(protocol, message, field) if message is not block or
                field.name != 'type' else
                'ProtoField.uint8("%s.block.type", "type", base.HEX, values_message)' % prefix))
    out('local truncated = ProtoExpert.new("%s.truncated", "cut short", expert.group.MALFORMED,'
        ' expert.severity.ERROR)' % prefix)
    out('proto.experts = { truncated }')
    out()
    out('local bodies = {}')
    out()
    for message in protocol.messages:
        _dissect(out, message, message.name.lower())
    out('function proto.dissector(buffer, info, tree)')
    out('\tinfo.cols.protocol = "GYR"')
    out('\tlocal top = tree:add(proto, buffer())')
    out('\tif buffer:len() < %d then' % header.fixed)
    out('\t\ttop:add_proto_expert_info(truncated)')
    out('\t\treturn')
    out('\tend')
    for field in header.fields:
        out('\ttop:add(fields.header_%s, buffer(%d, %d))' % (
            field.name, field.offset, field.size))
    out('\tif buffer(%d, 2):uint() ~= buffer:len() then' % header.field('length').offset)
    out('\t\ttop:add_proto_expert_info(truncated)')
    out('\tend')
    out('\tlocal at = %d' % header.fixed)
    out('\tlocal names = {}')
    out('\twhile at < buffer:len() do')
    out('\t\tif buffer:len() - at < %d then' % block.fixed)
    out('\t\t\ttop:add_proto_expert_info(truncated)')
    out('\t\t\tbreak')
    out('\t\tend')
    out('\t\tlocal kind = buffer(at, 1):uint()')
    out('\t\tlocal length = buffer(at + %d, 2):uint()' % block.field('length').offset)
    out('\t\tlocal name = values_message[kind] or string.format("0x%02x", kind)')
    out('\t\tlocal rest = buffer:len() - at - %d' % block.fixed)
    out('\t\tlocal shown = math.min(length, rest)')
    out('\t\tlocal item = top:add(proto, buffer(at, %d + shown), name)' % block.fixed)
    for field in block.fields:
        out('\t\titem:add(fields.block_%s, buffer(at + %d, %d))' % (
            field.name, field.offset, field.size))
    out('\t\tnames[#names + 1] = name')
    out('\t\tif length > rest then')
    out('\t\t\titem:add_proto_expert_info(truncated)')
    out('\t\t\tbreak')
    out('\t\tend')
    out('\t\tif bodies[kind] and length > 0 then')
    out('\t\t\tbodies[kind](buffer(at + %d, length):tvb(), item)' % block.fixed)
    out('\t\tend')
    out('\t\tat = at + %d + length' % block.fixed)
    out('\tend')
    out('\tinfo.cols.info = table.concat(names, " ")')
    out('end')
    out()
    out('local table_udp = DissectorTable.get("udp.port")')
    out('local bound = proto.prefs.port')
    out('table_udp:add(bound, proto)')
    out('function proto.prefs_changed()')
    out('\tif bound ~= proto.prefs.port then')
    out('\t\ttable_udp:remove(bound, proto)')
    out('\t\tbound = proto.prefs.port')
    out('\t\ttable_udp:add(bound, proto)')
    out('\tend')
    out('end')
    return '\n'.join(lines) + '\n'
