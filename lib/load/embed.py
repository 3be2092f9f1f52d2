# SPDX-License-Identifier: Apache-2.0
"""embed.py FILE OUTPUT NAME: a C header with the file's bytes, terminated, as an array."""
import sys


def main(argv):
    with open(argv[1], 'rb') as file:
        data = file.read() + b'\0'
    rows = [', '.join('0x%02x' % b for b in data[i:i + 16]) for i in range(0, len(data), 16)]
    with open(argv[2], 'w', encoding='utf-8') as file:
        file.write('/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by embed.py. */\n')
        file.write('static const unsigned char %s[] = {\n\t%s,\n};\n' % (
            argv[3], ',\n\t'.join(rows)))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
