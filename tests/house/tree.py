# SPDX-License-Identifier: Apache-2.0
"""Reads the plan of the tree from the meson files: floors, drivers, and each module's deps."""
import ast
import os
import re
import subprocess

PURE = 'pure'


def tracked(root, *suffixes):
    """Files of the project, those not yet added included, those ignored not."""
    out = subprocess.run(
        ['git', '-C', root, 'ls-files', '-co', '--exclude-standard'],
        capture_output=True, text=True, check=False)
    if out.returncode == 0:
        names = out.stdout.split('\n')
    else:
        names = [os.path.relpath(os.path.join(d, f), root)
                 for d, _, fs in os.walk(root) for f in fs
                 if not os.path.relpath(d, root).startswith(('build', '.git'))]
    return sorted(
        n for n in names if n and n.endswith(suffixes) and os.path.exists(os.path.join(root, n)))


def _literal(path, name):
    text = open(path, encoding='utf-8').read()
    match = re.search(r'^%s = (\[.*?^\])' % name, text, re.M | re.S)
    return ast.literal_eval(re.sub(r'#.*', '', match.group(1)))


def _deps(folder):
    text = open(os.path.join(folder, 'meson.build'), encoding='utf-8').read()
    return [d for block in re.findall(r'^\s*deps \+?= (\[.*?\])', text, re.M | re.S)
            for d in ast.literal_eval(re.sub(r'#.*', '', block))]


class Tree:
    """floor_of: module -> floor name; deps_of: folder -> modules named in its meson.build."""

    def __init__(self, root):
        self.root = root
        self.floors = _literal(os.path.join(root, 'lib/meson.build'), 'lib_floors')
        self.drivers = _literal(os.path.join(root, 'drivers/meson.build'), 'driver_list')
        self.floor_of = {m: floor for floor, modules in self.floors for m in modules}
        self.deps_of = {'lib/' + m: _deps(os.path.join(root, 'lib', m)) for m in self.floor_of}
        for driver in self.drivers:
            self.deps_of['drivers/' + driver] = _deps(os.path.join(root, 'drivers', driver))

    def folder_of(self, path):
        parts = path.split('/')
        if parts[0] == 'lib':
            return '/'.join(parts[:2])
        if parts[0] == 'drivers':
            return '/'.join(parts[:3])
        return parts[0]

    def owner_of_headers(self):
        """header name -> folder that owns it (lib and drivers)."""
        owner = {}
        for path in tracked(self.root, '.h'):
            if path.startswith(('lib/', 'drivers/')):
                name = os.path.basename(path)
                if name in owner and owner[name] != self.folder_of(path):
                    raise SystemExit('%s: header name is taken by %s' % (path, owner[name]))
                owner[name] = self.folder_of(path)
        return owner
