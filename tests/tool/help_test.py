#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Help, versions, and what the command says when it is called wrongly."""

from command import expect, main, on_terminal

VERBS = ['links', 'send', 'receive', 'run', 'signals', 'channels', 'demo']


def help_lists_every_verb(command, _folder):
    text = expect(command.run('--help'), 0).decode()
    assert [v for v in VERBS if f'\n  {v} ' not in text] == [], text
    assert expect(command.run('help'), 0).decode() == text
    assert expect(command.run('-h'), 0).decode() == text


def every_verb_has_its_help(command, _folder):
    for verb in VERBS:
        text = expect(command.run(verb, '--help'), 0).decode()
        assert text.startswith(f'Usage: enlace {verb} [OPTION...]') and '--help' in text, text
        assert expect(command.run('help', verb), 0).decode() == text
        assert expect(command.run(verb, '-h'), 0).decode() == text


def help_fits_eighty_columns(command, _folder):
    for words in [['--help'], *(['help', verb] for verb in VERBS)]:
        text = expect(command.run(*words), 0).decode()
        long = [line for line in text.splitlines() if len(line) > 80]
        assert not long, long


def version_is_told(command, _folder):
    text = expect(command.run('--version'), 0).decode()
    assert text.startswith('enlace ') and text.split()[1][0].isdigit(), text
    assert expect(command.run('-V'), 0).decode() == text


def unknown_verb_suggests_the_nearest(command, _folder):
    expect(command.run('recieve'), 2, b'', 'enlace: unknown verb recieve; did you mean enlace receive?')
    expect(command.run('snd'), 2, b'', 'did you mean enlace send?')
    expect(command.run('link'), 2, b'', 'did you mean enlace links?')
    expect(command.run('zzz'), 2, b'', 'unknown verb zzz; see enlace --help')
    expect(command.run('help', 'sned'), 2, b'', 'did you mean enlace send?')
    expect(command.run('x' * 500), 2, b'', 'unknown verb')


def no_verb_is_a_mistake(command, _folder):
    expect(command.run(), 2, b'', 'no verb given; see enlace --help')
    expect(command.run(''), 2, b'', 'no verb given')
    expect(command.run('--frob'), 2, b'', 'unknown option --frob')


def unknown_option_suggests_the_nearest(command, _folder):
    expect(command.run('send', '--cuont', '3', 'pipe:'), 2, b'',
           'enlace: send: unknown option --cuont; did you mean --count?')
    expect(command.run('receive', '--frobnicate', 'pipe:'), 2, b'',
           'unknown option --frobnicate; see enlace receive --help')
    expect(command.run('receive', '-Q', 'pipe:'), 2, b'', 'unknown option -Q')
    expect(command.run('demo', '--jsno'), 2, b'', 'enlace: demo: unknown option --jsno')


def option_values_are_checked(command, _folder):
    expect(command.run('send', 'pipe:', '--count'), 2, b'', '--count needs a value: --count N')
    expect(command.run('send', 'pipe:', '--whole=yes'), 2, b'', '--whole takes no value')
    for value in ['0', '-1', 'x', '', '1x', ' 1', '99999999999999999999999']:
        expect(command.run('receive', 'pipe:', '--count', value), 2, b'', '--count')
    for value in ['', 'x', '-1s', '1q', 's', '1.2.3s', 'inf', 'nan', '0x10']:
        expect(command.run('receive', 'pipe:', '--timeout', value), 2, b'', 'not a duration')
    for value in ['', 'x', '<5', '=5', '!', '<=', '1.5']:
        expect(command.run('receive', 'pipe:', '--type', value), 2, b'', '--type')
    for value in ['', 'x', '-1', '4294967296']:
        expect(command.run('send', 'pipe:', '--priority', value), 2, b'', '--priority')


def operands_are_checked(command, _folder):
    expect(command.run('send'), 2, b'', 'no address given: enlace send ADDRESS')
    expect(command.run('receive'), 2, b'', 'no address given')
    expect(command.run('send', 'pipe:', 'hello'), 2, b'', 'behind --data: hello')
    expect(command.run('receive', 'pipe:', 'hello'), 2, b'', 'one too many: hello')
    expect(command.run('demo', 'pipe:'), 2, b'', 'takes no argument: pipe:')


def options_that_exclude_each_other_are_refused(command, folder):
    expect(command.run('send', 'pipe:', '--hex', '--json'), 2, b'', 'exclude each other')
    expect(command.run('receive', 'pipe:', '-xp'), 2, b'', 'exclude each other')
    expect(command.run('send', 'pipe:', '--data', 'x', '--hex'), 2, b'', '--data')
    expect(command.run('send', 'pipe:', '--data', 'x', '--file', folder), 2, b'', '--data')
    expect(command.run('send', 'pipe:', '--file', folder, '--whole'), 2, b'', '--file')
    expect(command.run('send', 'pipe:', '--file', folder, '--type', '1'), 2, b'', 'no type')
    expect(command.run('receive', 'pipe:', '--keep'), 2, b'', '--keep is for --listen')
    expect(command.run('receive', 'pipe:', '--listen'), 2, b'', 'nobody listens at pipe:')


def malformed_addresses_are_explained(command, _folder):
    for verb in ['send', 'receive']:
        expect(command.run(verb, 'unx:/tmp/x'), 2, b'', 'unix')
        expect(command.run(verb, 'unix:/tmp/x?tpye=stream'), 2, b'', 'type')
        expect(command.run(verb, 'nothing'), 2, b'', f'enlace: {verb}: ')
        expect(command.run(verb, ''), 2, b'', f'enlace: {verb}: ')
        expect(command.run(verb, 'unix:/tmp/%zz'), 2, b'', f'enlace: {verb}: ')


def words_behind_two_dashes_are_operands(command, _folder):
    expect(command.run('receive', '--', '--count'), 2, b'', "enlace: receive: ")
    expect(command.run('demo', '--', '-x'), 2, b'', 'takes no argument: -x')


def help_on_a_terminal_has_no_colours(command, _folder):
    status, shown = on_terminal(command, '--help', environment={'TERM': 'xterm'})
    assert status == 0 and '\033' not in shown, shown


if __name__ == '__main__':
    main([
        ('help lists every verb', help_lists_every_verb),
        ('every verb has its help', every_verb_has_its_help),
        ('help fits 80 columns', help_fits_eighty_columns),
        ('the version is told', version_is_told),
        ('an unknown verb suggests the nearest', unknown_verb_suggests_the_nearest),
        ('no verb is a mistake', no_verb_is_a_mistake),
        ('an unknown option suggests the nearest', unknown_option_suggests_the_nearest),
        ('values of options are checked', option_values_are_checked),
        ('operands are checked', operands_are_checked),
        ('options that exclude each other are refused', options_that_exclude_each_other_are_refused),
        ('malformed addresses are explained', malformed_addresses_are_explained),
        ('words behind two dashes are operands', words_behind_two_dashes_are_operands),
        ('help on a terminal has no colours', help_on_a_terminal_has_no_colours),
    ])
