# SPDX-License-Identifier: Apache-2.0
"""Makes the layout header, the descriptor table or the reference from metrics.toml.

generate_metrics.py ROOT metrics.toml header|table|doc OUTPUT
"""
import hashlib
import re
import sys
import tomllib

VERDICTS = 'lib/base/gyr_verdict.h'


def x_list(root, header, macro):
    """The (name, text) pairs of an X-macro list."""
    text = open(root + '/' + header, encoding='utf-8').read().replace('\\\n', ' ')
    match = re.search(r'#define %s\(X\)(.*)' % macro, text)
    if not match:
        raise SystemExit('%s has no %s' % (header, macro))
    return re.findall(r'X\((\w+),\s*"((?:[^"\\]|\\.)*)"\)', match.group(1))


def verdict_numbers(root):
    text = open(root + '/' + VERDICTS, encoding='utf-8').read().replace('\\\n', ' ')
    return [(n, int(i)) for n, i in re.findall(r'X\((\w+), (\d+), "', text)]


def read(root, path):
    """Groups in file order: dicts with name, count, label, text, rows [(name, kind, text)]."""
    with open(path, 'rb') as file:
        description = tomllib.load(file)
    groups = []
    for name, body in description['group'].items():
        rows = []
        if 'from' in body:
            rows = [(n, 'counter', t) for n, t in x_list(root, *body['from'])]
        if body.get('verdicts'):
            rows = [('verdict', 'verdicts', 'transactions and messages, by verdict')]
        for metric, (kind, text) in body.get('metrics', {}).items():
            if kind not in ('counter', 'gauge', 'histogram'):
                raise SystemExit('%s.%s: unknown kind %s' % (name, metric, kind))
            rows.append((metric, kind, text))
        if not rows:
            raise SystemExit('group %s is empty' % name)
        if len({r[0] for r in rows}) != len(rows):
            raise SystemExit('group %s names a metric twice' % name)
        groups.append({'name': name, 'count': body['count'], 'label': body['label'],
                       'text': body['text'], 'rows': rows})
    return groups


def layout_hash(groups):
    shape = repr([(g['name'], g['count'], [(r[0], r[1]) for r in g['rows']]) for g in groups])
    return int.from_bytes(hashlib.sha256(shape.encode()).digest()[:8], 'big')


FIELD = {
    'counter': '\t_Atomic uint64_t %s; /* %s */',
    'gauge': '\t_Atomic uint64_t %s; /* %s */',
    'histogram': '\tstruct gyr_metric_histogram %s; /* %s */',
    'verdicts': '\t_Atomic uint64_t %s[256]; /* %s */',
}


def header(groups):
    out = ['/* SPDX-License-Identifier: Apache-2.0 */',
           '/* Made from metrics.toml: one struct per group, and all of the shared memory. */',
           '#ifndef GYR_METRIC_LAYOUT_H', '#define GYR_METRIC_LAYOUT_H', '',
           '#include "gyr_metric_base.h"', '',
           '#define GYR_METRIC_LAYOUT_HASH 0x%016xu' % layout_hash(groups), '']
    for group in groups:
        upper = group['name'].upper()
        out += ['#define GYR_METRIC_%s_COUNT_MAX %d' % (upper, group['count'])]
    for group in groups:
        out += ['', '/* %s. */' % group['text'], 'struct gyr_metric_%s {' % group['name'],
                '\talignas(GYR_CACHE_LINE) char label[GYR_METRIC_LABEL_MAX];']
        out += [FIELD[kind] % (name, text) for name, kind, text in group['rows']]
        out += ['};']
    out += ['', 'struct gyr_metric_area {', '\tstruct gyr_metric_header header;']
    out += ['\tstruct gyr_metric_%s %s[%d];' % (g['name'], g['name'], g['count']) for g in groups]
    out += ['};', '', '#endif', '']
    return '\n'.join(out)


def table(groups, verdicts):
    out = ['/* SPDX-License-Identifier: Apache-2.0 */', '/* Made from metrics.toml. */',
           '#include "gyr_metric.h"', '']
    for group in groups:
        out += ['static const struct gyr_metric_descriptor %s_metrics[] = {' % group['name']]
        for name, kind, text in group['rows']:
            out += ['\t{ "%s", "%s", GYR_METRIC_%s,' % (name, text, kind.upper()),
                    '\t  offsetof(struct gyr_metric_%s, %s) },' % (group['name'], name)]
        out += ['};', '']
    out += ['const struct gyr_metric_group gyr_metric_groups[] = {']
    for group in groups:
        name = group['name']
        out += ['\t{ "%s", "%s", "%s", offsetof(struct gyr_metric_area, %s),'
                % (name, group['label'], group['text'], name),
                '\t  sizeof(struct gyr_metric_%s), %d, GYR_COUNT(%s_metrics), %s_metrics },'
                % (name, group['count'], name, name)]
    out += ['};', 'const unsigned gyr_metric_group_count = GYR_COUNT(gyr_metric_groups);', '',
            'const char *gyr_metric_verdict_name(unsigned verdict)', '{',
            '\tstatic const char *const names[256] = {']
    out += ['\t\t[%d] = "%s",' % (number, name) for name, number in verdicts]
    out += ['\t};', '', '\treturn verdict < 256 ? names[verdict] : NULL;', '}', '']
    return '\n'.join(out)


def doc(groups):
    out = ['# Metrics', '', 'Made from `lib/metric/metrics.toml` and the counter lists of the '
           'modules. Prometheus names are `gyr_<group>_<name>`, counters with `_total`; '
           'histograms are in seconds there.', '']
    for group in groups:
        out += ['## %s' % group['name'], '', '%s. One for each %s, at most %d.'
                % (group['text'], group['label'], group['count']), '',
                '| name | kind | meaning |', '| --- | --- | --- |']
        out += ['| `%s` | %s | %s |' % row for row in group['rows']]
        out += ['']
    return '\n'.join(out)


def main():
    root, path, product, output = sys.argv[1:5]
    groups = read(root, path)
    text = {'header': lambda: header(groups),
            'table': lambda: table(groups, verdict_numbers(root)),
            'doc': lambda: doc(groups)}[product]()
    with open(output, 'w', encoding='utf-8') as file:
        file.write(text)


if __name__ == '__main__':
    main()
