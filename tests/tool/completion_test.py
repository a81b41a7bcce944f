#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The completion of bash: it loads, and offers what the command has."""

import pathlib

from command import expect, main

SCRIPT = (pathlib.Path(__file__).resolve().parent.parent.parent / 'completion/enlace').read_text(
    encoding='utf-8')

# What readline would do: the words split as it splits them, then the function is called.
DRIVER = r'''
set -u
source /dev/stdin <<< "$completion"
program=$enlace
COMP_LINE=$line COMP_POINT=${#line}
COMP_WORDS=($line)
[[ $line == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_WORDS[0]=$program
COMP_WORDBREAKS=$breaks
_enlace "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
'''


def complete(command, line, breaks=' '):
    out = expect(command.shell(DRIVER, completion=SCRIPT, line=line, breaks=breaks), 0)
    return sorted(out.decode().split())


def script_loads(command, _folder):
    expect(command.shell('source /dev/stdin <<< "$completion" && complete -p enlace',
                         completion=SCRIPT), 0,
           b'complete -F _enlace enlace\n')


def verbs_are_offered(command, folder):
    found = complete(command, 'enlace ')
    assert found == sorted(['--help', '--version', 'channels', 'demo', 'help', 'links', 'receive', 'run', 'send',
                            'signals']), found
    assert complete(command, 'enlace re') == ['receive']
    assert complete(command, 'enlace help s') == ['send', 'signals']


def options_are_offered(command, folder):
    for verb, some in [('send', {'--data', '--json', '--timeout', '--listen', '--help'}),
                       ('receive', {'--keep', '--type', '--help'}), ('links', {'--json', '--help'})]:
        found = complete(command, f'enlace {verb} --')
        assert some <= set(found) and all(word.startswith('--') for word in found), found
    assert complete(command, 'enlace receive --ke') == ['--keep']


def mechanisms_are_offered(command, folder):
    assert {'pipe', 'fifo', 'unix'} <= set(complete(command, 'enlace links '))
    assert complete(command, 'enlace links pi') == ['pipe']
    assert complete(command, 'enlace send fi') == ['fifo:']


def paths_are_offered(command, folder):
    (folder / 'socket-one').write_text('')
    (folder / 'socket-dir').mkdir()
    found = complete(command, f'enlace send unix:{folder}/so')
    assert found == [f'unix:{folder}/socket-dir/', f'unix:{folder}/socket-one'], found
    # Where readline splits at the colon, only what follows it is completed.
    found = complete(command, f'enlace receive --listen unix:{folder}/socket-o', ' :')
    assert found == [f'{folder}/socket-one'], found
    (folder / 'file').write_text('')
    assert complete(command, f'enlace send --file {folder}/fi') == [f'{folder}/file']


if __name__ == '__main__':
    main([
        ('the script loads', script_loads),
        ('verbs are offered', verbs_are_offered),
        ('options are offered', options_are_offered),
        ('mechanisms are offered', mechanisms_are_offered),
        ('paths are offered', paths_are_offered),
    ])
