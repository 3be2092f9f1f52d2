# SPDX-License-Identifier: Apache-2.0
"""Fails on a folder outside the plan, too long a file or line, or a file without licence."""
import os
import sys

from tree import tracked

TOP = {'meson.build', 'meson_options.txt', 'app', 'lib', 'drivers', 'tests', 'tools', 'hwconfig',
       'README.md', 'LICENSE'}
LINES_MAX = 800
COLUMNS_MAX = 100


def main():
    root = sys.argv[1]
    bad = []
    for path in tracked(root, ''):
        top = path.split('/')[0]
        if top not in TOP and not top.startswith('.'):
            bad.append('%s: nothing else lies at the top' % path)
    for path in tracked(root, '.c', '.h', '.py', '.inc'):
        with open(os.path.join(root, path), encoding='utf-8') as file:
            lines = file.read().split('\n')
        if 'SPDX-License-Identifier: Apache-2.0' not in '\n'.join(lines[:3]):
            bad.append('%s:1: no SPDX licence line' % path)
        if len(lines) > LINES_MAX:
            bad.append('%s: %d lines, the limit is %d' % (path, len(lines), LINES_MAX))
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > COLUMNS_MAX:
                bad.append('%s:%d: longer than %d columns' % (path, number, COLUMNS_MAX))
    print('\n'.join(bad) if bad else 'the tree has its shape')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
