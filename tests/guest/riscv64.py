# SPDX-License-Identifier: Apache-2.0
"""The pure set as the proof guest will be: for rv64im, without a C library, under qemu-user, over a
sample of the official state tests. Skips aloud without cross compiler, qemu or vectors.

    riscv64.py GUEST_PACK ROOT [EVERY [LIMIT]]"""
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../house'))
# pylint: disable=wrong-import-position
from freestanding import BASE_SOURCES, FLAGS, PREFIX, sources_of  # noqa: E402
from tree import PURE, Tree  # noqa: E402


def build(root, work):
    """The guest's program."""
    modules = next(names for floor, names in Tree(root).floors if floor == PURE)
    folders = ['-I' + os.path.join(root, 'lib', m) for m in ['base', *modules]]
    sources = ['tests/guest/guest.c'] + BASE_SOURCES
    sources += [s for m in modules for s in sources_of(root, m)]

    def compile_one(number):
        target = os.path.join(work, '%d.o' % number)
        extra = ['-fno-tree-loop-distribute-patterns'] if number == 0 else []
        subprocess.run([PREFIX + 'gcc', *FLAGS, *extra, *folders, '-c',
                        os.path.join(root, sources[number]), '-o', target], check=True)
        return target
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, range(len(sources))))
    program = os.path.join(work, 'guest')
    subprocess.run([PREFIX + 'gcc', '-march=rv64im', '-mabi=lp64', '-nostdlib', '-static',
                    '-Wl,--no-relax', '-o', program, *objects], check=True)
    return program


def main():
    pack, root = sys.argv[1:3]
    every, limit = (sys.argv[3:] + ['60', '400'][len(sys.argv) - 3:])[:2]
    for word in (PREFIX + 'gcc', 'qemu-riscv64'):
        if shutil.which(word) is None:
            print('skipped: %s is not installed (tools/packages test)' % word)
            return 77
    with tempfile.TemporaryDirectory() as work:
        cases = os.path.join(work, 'cases')
        with open(cases, 'wb') as out:
            packed = subprocess.run([pack, 'GeneralStateTests', every, limit], stdout=out,
                                    check=False)
        if packed.returncode == 77:
            print('skipped: the vectors are not here')
            return 77
        if packed.returncode != 0:
            return 1
        program = build(root, work)
        with open(cases, 'rb') as given:
            run = subprocess.run(['qemu-riscv64', program], stdin=given, text=True,
                                 stdout=subprocess.PIPE, check=False)
    print(run.stdout.strip()[-4000:])
    return 0 if run.returncode == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
