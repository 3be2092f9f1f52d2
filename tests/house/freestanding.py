# SPDX-License-Identifier: Apache-2.0
"""Compiles the pure set for the proof guest, riscv64 rv64im without a C library, and fails on a
symbol that a guest would not have. Skips aloud where the cross compiler is missing."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from tree import PURE, Tree

PREFIX = 'riscv64-linux-gnu-'
FLAGS = ['-std=c17', '-O2', '-march=rv64im', '-mabi=lp64', '-ffreestanding', '-Wall', '-Wextra',
         '-Werror']
# What the guest's start-up code brings: these, the assertion hook, and libgcc's helpers (__…).
GIVEN = {'memcpy', 'memmove', 'memset', 'memcmp', 'gyr_assert_failed'}
BASE_SOURCES = ['lib/base/verdict.c']


def sources_of(root, module):
    """The module's sources, those of variants included that are not for another machine (-m…)."""
    folder = os.path.join('lib', module)
    with open(os.path.join(root, folder, 'meson.build'), encoding='utf-8') as file:
        text = re.sub(r'#.*', '', file.read())
    plain, _, variants = text.partition('variants')
    rows = [plain] + [row for row in re.split(r"\n\t\[", variants) if "'-m" not in row]
    return [os.path.join(folder, n) for row in rows
            for block in re.findall(r'files\((.*?)\)', row, re.S)
            for n in re.findall(r"'([^']+\.c)'", block)]


def undefined_in(objects):
    out = subprocess.run([PREFIX + 'nm', *objects], capture_output=True, text=True, check=True)
    defined, wanted = set(), set()
    for line in out.stdout.split('\n'):
        match = re.match(r'^[0-9a-f]*\s+([A-Za-z])\s+(\S+)$', line)
        if match:
            (wanted if match.group(1) in 'Uw' else defined).add(match.group(2))
    return sorted(s for s in wanted - defined - GIVEN if not s.startswith('__'))


def main():
    root = sys.argv[1]
    if shutil.which(PREFIX + 'gcc') is None:
        print('skipped: %sgcc is not installed (tools/packages test)' % PREFIX)
        return 77
    modules = next(names for floor, names in Tree(root).floors if floor == PURE)
    folders = ['-I' + os.path.join(root, 'lib', m) for m in ['base', *modules]]
    sources = BASE_SOURCES + [s for m in modules for s in sources_of(root, m)]
    with tempfile.TemporaryDirectory() as work:
        def compile_one(number):
            target = os.path.join(work, '%d.o' % number)
            run = subprocess.run([PREFIX + 'gcc', *FLAGS, *folders, '-c',
                                  os.path.join(root, sources[number]), '-o', target],
                                 capture_output=True, text=True, check=False)
            return target, run.stderr if run.returncode else ''
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(compile_one, range(len(sources))))
        bad = [error for _, error in done if error]
        print('\n'.join(bad)[-6000:])
        if not bad:
            bad = ['%s: no guest has it' % s for s in undefined_in([o for o, _ in done])]
            print('\n'.join(bad))
    print('%d files of %s for rv64im, %d wrong' % (len(sources), ' '.join(modules), len(bad)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
