# SPDX-License-Identifier: Apache-2.0
"""Fails on an include that points upward: each #include of lib/ and drivers/ against the floors."""
import os
import re
import sys

from tree import PURE, Tree, tracked

ORDER = {'0': 0, PURE: 0.5, '1': 1, '2': 2, '3': 3, '4': 4}
FREESTANDING_SYSTEM = {'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'limits.h',
                       'immintrin.h', 'x86intrin.h'}
FREESTANDING_BASE = {'gyr_base.h', 'gyr_bytes.h', 'gyr_verdict.h'}


def judge(tree, owner, path, system, name):
    """None, or why this include is wrong."""
    here = tree.folder_of(path)
    module = here.split('/', 1)[1]
    floor = tree.floor_of.get(module) if here.startswith('lib/') else None
    if system:
        if floor == PURE and name not in FREESTANDING_SYSTEM:
            return 'the pure set is freestanding'
        return None
    there = owner.get(name)
    if there is None or there == here:
        return None
    if there.startswith('drivers/'):
        return 'nothing includes a driver but programs and tests'
    other = there.split('/', 1)[1]
    if other not in tree.deps_of[here]:
        return '%s is not among the deps of %s/meson.build' % (other, here)
    if floor == PURE and other == 'base' and name not in FREESTANDING_BASE:
        return 'the pure set takes only freestanding headers of lib/base'
    if floor == PURE and other != 'base' and tree.floor_of[other] != PURE:
        return 'the pure set includes only itself and lib/base'
    if floor is None:
        if ORDER[tree.floor_of[other]] > 2:
            return 'drivers include floors 0 to 2 and the pure set'
    elif ORDER[tree.floor_of[other]] > ORDER[floor]:
        return 'points upward: %s is on floor %s, %s on floor %s' % (
            module, floor, other, tree.floor_of[other])
    return None


def main():
    root = sys.argv[1]
    tree = Tree(root)
    owner = tree.owner_of_headers()
    bad = count = 0
    for path in tracked(root, '.c', '.h', '.inc'):
        if not path.startswith(('lib/', 'drivers/')):
            continue
        if tree.folder_of(path) not in tree.deps_of:
            print('%s: its module is in no list' % path)
            bad += 1
            continue
        with open(os.path.join(root, path), encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if not match:
                    continue
                count += 1
                why = judge(tree, owner, path, match.group(1) == '<', match.group(2))
                if why:
                    print('%s:%d: %s: %s' % (path, number, line.strip(), why))
                    bad += 1
    print('%d includes read, %d wrong' % (count, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
