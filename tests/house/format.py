# SPDX-License-Identifier: Apache-2.0
"""Fails on a C file that clang-format would change; skips aloud where clang-format is missing."""
import os
import shutil
import subprocess
import sys

from tree import tracked


def main():
    root = sys.argv[1]
    if shutil.which('clang-format') is None:
        print('skipped: clang-format is not installed')
        return 77
    files = [os.path.join(root, p) for p in tracked(root, '.c', '.h')]
    run = subprocess.run(['clang-format', '--dry-run', '--Werror', '--ferror-limit=5', *files],
                         capture_output=True, text=True, check=False)
    print(run.stderr[-4000:] or '%d files as clang-format wants them' % len(files))
    return 1 if run.returncode else 0


if __name__ == '__main__':
    sys.exit(main())
