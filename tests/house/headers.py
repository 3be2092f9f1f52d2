# SPDX-License-Identifier: Apache-2.0
"""Fails on a public header that does not compile alone."""
import os
import subprocess
import sys
import tempfile

from tree import Tree, tracked


def main():
    root = sys.argv[1]
    tree = Tree(root)
    # Headers that the build makes lie in the build folder under the module's path.
    roots = sys.argv[1:3]
    folders = ['-I' + os.path.join(r, f) for r in roots for f in tree.deps_of]
    bad = count = 0
    headers = [p for p in tracked(root, '.h')
               if p.startswith(('lib/', 'drivers/')) and os.path.basename(p).startswith('gyr_')]
    with tempfile.TemporaryDirectory() as work:
        source = os.path.join(work, 'alone.c')
        for path in headers:
            count += 1
            with open(source, 'w', encoding='utf-8') as file:
                file.write('#include "%s"\nextern int unused;\n' % os.path.join(root, path))
            run = subprocess.run(
                ['cc', '-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror',
                 '-march=x86-64-v2', '-fsyntax-only', *folders, source],
                capture_output=True, text=True, check=False)
            if run.returncode:
                print('%s does not compile alone:\n%s' % (path, run.stderr))
                bad += 1
    print('%d headers, %d wrong' % (count, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
