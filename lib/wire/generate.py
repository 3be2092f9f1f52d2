# SPDX-License-Identifier: Apache-2.0
"""One description, three products: codec (and a printer for its tests), document, dissector.

  generate.py DESCRIPTION VERDICT-HEADER header|source|printer|doc|lua [OUTPUT [HEADER-NAME]]

Prints to stdout where OUTPUT is not given.
"""
import os
import sys

from emit_c import emit_header, emit_printer, emit_source
from emit_doc import emit_doc
from emit_lua import emit_lua
from model import Bad, Protocol


def main(argv):
    if len(argv) < 4:
        print(__doc__)
        return 2
    description, verdicts, what = argv[1:4]
    source = os.path.basename(description)
    header_name = argv[5] if len(argv) > 5 else 'gyr_wire_%s.h' % source.rsplit('.', 1)[0]
    try:
        protocol = Protocol(description, verdicts)
        text = {
            'header': lambda: emit_header(
                protocol, header_name.upper().replace('.', '_'), source),
            'source': lambda: emit_source(protocol, header_name),
            'printer': lambda: emit_printer(protocol, header_name),
            'doc': lambda: emit_doc(protocol, source),
            'lua': lambda: emit_lua(protocol, source),
        }[what]()
    except Bad as bad:
        print('%s: %s' % (description, bad), file=sys.stderr)
        return 1
    if len(argv) > 4:
        with open(argv[4], 'w', encoding='utf-8') as file:
            file.write(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
