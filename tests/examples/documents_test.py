#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The documents say what the library does: documents_test.py FACTS ENLACE COMPILER...

FACTS is the program facts.c; ENLACE the command, or "-" if it is not built. With --write in its place the
table of mechanisms in README.md is written anew."""

import pathlib
import re
import subprocess
import sys

import programs
from programs import ROOT, tap

FACTS = [*programs.WRAPPER, sys.argv[1]]
COMMAND = sys.argv[2]
COMPILER = sys.argv[3:]
MAN = ROOT / 'man'
PAGES = {path.stem: path.read_text(encoding='utf-8') for path in sorted(MAN.glob('*.scd'))}
DOCUMENTS = [path for path in [ROOT / 'README.md', ROOT / 'ARCHITECTURE.md', ROOT / 'CONTRIBUTING.md',
                               ROOT / 'NEWS.md', ROOT / 'examples/README.md',
                               *sorted((ROOT / 'docs').rglob('*.md'))]]
HEADERS = '\n'.join(path.read_text(encoding='utf-8')
                    for path in sorted((ROOT / 'include/enlace').glob('*.h')))

# What a piece of code in the manual may take for granted.
PRELUDE = """
#include <enlace/enlace.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
"""
SURROUNDINGS = """
void use(const void *data, ssize_t size);
void piece(struct enl_link *link, struct enl_link *out, int set, ssize_t size);
void piece(struct enl_link *link, struct enl_link *out, int set, ssize_t size)
{
    char buffer[100] = "";

    (void)link, (void)out, (void)buffer, (void)set, (void)size;
"""


class Caps:
    """A line of the program facts."""

    def __init__(self, words):
        self.address, can, meet, reach, self.senders, self.receivers = words[:6]
        self.largest, self.capacity, options = words[6:9]
        self.can = can.split(',')
        self.meet, self.reach = int(meet), int(reach)
        self.options = options.split()


def facts(*addresses):
    lines = [line.split('\t') for line in tap.run([*FACTS, *addresses]).splitlines()]
    return {words[1]: Caps(words[1:]) if words[0] == 'caps' else words[2] for words in lines}


def names(text, word):
    """Whether the page has the word, which it may underline."""
    return re.search(rf'(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])', text)


# ---- README ----------------------------------------------------------------------------------------------


def size_text(bytes_text):
    if bytes_text == '-':
        return 'varies'
    size = int(bytes_text)
    for unit, factor in [('MiB', 1 << 20), ('KiB', 1 << 10)]:
        if size % factor == 0:
            return f'{size // factor} {unit}'
    return f'{size} B'


def columns():
    """Caps and heading of each: the mechanisms without options, those with types by type."""
    for address, caps in facts().items():
        scheme = address.split(':')[0]
        types = re.findall(r'^## type=(\w+)$', section_of(scheme), re.M)
        if scheme != 'fd':
            yield from [(facts(f'{address}?type={word}').popitem()[1], f'{scheme} {word}')
                        for word in types] or [(caps, scheme)]


def mechanism_table():
    caps, titles = zip(*columns())
    nameless = [facts(re.sub(':[^?]*', ':', c.address)).popitem()[1] for c in caps]
    pairs = [isinstance(n, Caps) and n.meet & 1 for n in nameless]
    known = [name for name in all_capability_names() if any(name in c.can for c in caps)]
    meets = {1: 'pair', 2: 'same name', 4: 'listener'}
    reaches = ['this process', 'relatives', 'this machine', 'network']
    rows = [['', *titles],
            ['---', *[':-:' for _ in caps]],
            ['two sides meet by', *[', '.join(text for bit, text in meets.items()
                                              if (c.meet | p) & bit)
                                    for c, p in zip(caps, pairs)]],
            ['reach', *[reaches[c.reach] for c in caps]],
            ['senders', *['many' if c.senders == '-' else c.senders for c in caps]],
            ['receivers', *['many' if c.receivers == '-' else c.receivers for c in caps]],
            ['largest message', *['fixed' if 'fixed size' in c.can else size_text(c.largest)
                                  for c in caps]],
            *[[name, *['✓' if name in c.can else '' for c in caps]] for name in known]]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def all_capability_names():
    text = PAGES['enl_mechanism.3']
    return re.findall(r'^\|  \*ENL_CAN_\w+\*\n:  ([\w -]+)$', text, re.M)


TABLE = re.compile(r'(<!-- table of mechanisms.*?-->\n)(.*?)(\n<!-- end -->)', re.S)


def readme_table_is_the_librarys(_folder):
    table = TABLE.search((ROOT / 'README.md').read_text(encoding='utf-8'))
    assert table, 'README.md has no marked table of mechanisms'
    assert table[2] == mechanism_table(), \
        f'write it anew: tests/examples/documents_test.py {FACTS[-1]} --write'


def write_readme_table():
    path = ROOT / 'README.md'
    text = path.read_text(encoding='utf-8')
    path.write_text(TABLE.sub(lambda old: old[1] + mechanism_table() + old[3], text), encoding='utf-8')


def readme_code_compiles_and_runs(folder):
    if not COMPILER:
        raise tap.Skip('this build is for a sanitizer or another machine')
    blocks = re.findall(r'^```(c|text)\n(.*?)^```$', (ROOT / 'README.md').read_text(encoding='utf-8'),
                        re.M | re.S)
    assert [kind for kind, _ in blocks] == ['c', 'text'], 'one program, and what it prints'
    library = next(path for path in pathlib.Path(FACTS[-1]).resolve().parents
                   if (path / 'libenlace.so').exists())
    source, program = pathlib.Path(folder) / 'ten.c', pathlib.Path(folder) / 'ten'
    source.write_text(blocks[0][1], encoding='utf-8')
    tap.run([*COMPILER, '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror',
             f'-I{ROOT / "include"}', source, f'-L{library}', '-lenlace', f'-Wl,-rpath,{library}',
             '-o', program])
    printed = tap.run([program], cwd=folder)
    assert printed == blocks[1][1], f'it prints {printed!r}'


def commands_exist(_folder):
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    targets = set(re.findall(r'^##(\w+)', makefile, re.M)) | {'help'}
    for document in DOCUMENTS:
        for target in re.findall(r'`make (\w+)', document.read_text(encoding='utf-8')):
            assert target in targets, f'{document.name}: `make {target}` is not in the Makefile'


def each_verb_is_in_the_manual(_folder):
    if COMMAND == '-':
        return
    text = tap.run([*programs.WRAPPER, COMMAND, 'help'])
    verbs = re.findall(r'^  ([a-z]+) +\S', text.split('Verbs:')[1].split('\n\n')[0], re.M)
    assert len(verbs) > 5, f'no verbs found in: {text}'
    for verb in verbs:
        assert re.search(rf'^\*{verb}\*', PAGES['enlace.1'], re.M), f'enlace(1) does not tell of {verb}'
        assert f'*enlace-{verb}*(1)' in PAGES['enlace.1'], f'enlace(1) does not name the page of {verb}'
        assert f'enlace-{verb}.1' in PAGES, f'{verb} has no page'


def links_lead_somewhere(_folder):
    for document in DOCUMENTS:
        text = document.read_text(encoding='utf-8')
        headings = {re.sub(r'[^\w\- ]', '', line.lower()).strip().replace(' ', '-')
                    for line in re.findall(r'^#+ (.*)$', text, re.M)}
        for target in re.findall(r'\]\(([^)\s]+)\)', text):
            if re.match(r'https?:', target):
                continue
            path, _, heading = target.partition('#')
            assert (document.parent / path).exists(), f'{document.name}: {target} is not there'
            assert path or heading in headings, f'{document.name}: no heading {target}'


def files_that_are_named_exist(_folder):
    for document in DOCUMENTS:
        text = re.sub(r'```.*?```', '', document.read_text(encoding='utf-8'), flags=re.S)
        for name in re.findall(r'`((?:src|tests|scripts|docs|include|examples|man|bench|tool)/[\w./-]+)`',
                               text):
            if re.search(r'[A-Z]{4}|chat', name):  # stands for any
                continue
            assert (ROOT / name).exists(), f'{document.relative_to(ROOT)}: {name} is not there'


# ---- the table of what must be shown -----------------------------------------------------------------------


def rows_of_examples():
    text = (ROOT / 'examples/README.md').read_text(encoding='utf-8')
    table = text[text.index('| mechanism | what it shows | tests'):]
    for line in table.splitlines()[2:]:
        yield [cell.strip().replace('\\|', '|') for cell in re.split(r'(?<!\\)\|', line)[1:-1]]


def each_mechanism_has_tests_examples_and_commands(_folder):
    rows = list(rows_of_examples())
    assert len(rows) >= 5, f'{len(rows)} rows'
    for name, _, tests, examples, commands in rows:
        for cell, where in [(tests, ROOT), (examples, ROOT / 'examples')]:
            files = re.findall(r'`([^`]+)`', cell)
            assert files, f'{name}: an empty cell'
            for file in files:
                assert (where / file).exists(), f'{name}: {file} is not there'
        assert commands == '-' or re.findall(r'`([^`]+)`', commands), f'{name}: no command'


def commands_of_examples_work(folder):
    if COMMAND == '-':
        raise tap.Skip('this build has no command: libsmartcols or jansson is missing')
    for name, _, _, _, commands in rows_of_examples():
        for number, command in enumerate(re.findall(r'`([^`]+)`', commands)):
            place = pathlib.Path(folder) / f'{name} {number}'
            place.mkdir()
            script = f'enlace() {{ {" ".join(programs.WRAPPER)} {COMMAND} "$@"; }}\nset -e\n{command}'
            done = subprocess.run(['timeout', str(programs.LIMIT_S), 'bash', '-c', script], cwd=place,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, f'{command}: status {done.returncode}\n{done.stdout}'


# ---- manual --------------------------------------------------------------------------------------------------


def functions():
    return re.findall(r'ENL_PUBLIC [^;(]*?\b(enl_\w+)\(', HEADERS)


def aliases():
    text = (MAN / 'meson.build').read_text(encoding='utf-8')
    known = {}
    for page, names in re.findall(r"'(enl_\w+\.3)': \[(.*?)\]", text, re.S):
        known.update({name: page for name in re.findall(r"'(enl_\w+\.3)'", names)})
    return known


def each_call_has_its_page(_folder):
    named = aliases()
    assert functions(), 'no public functions found'
    for function in functions():
        page = named.get(f'{function}.3', f'{function}.3')
        assert page in PAGES, f'{function} has no page'
        text = PAGES[page]
        name = re.search(r'# NAME\n\n(.*?) - ', text, re.S)
        assert function in re.split(r',\s+', name[1]), f'{page} does not name {function}'
        for section in ['# SYNOPSIS', '# DESCRIPTION']:
            part = text[text.index(section):].split('\n# ')[0]
            assert re.search(rf'\b{function}\b', part), f'{page}: {function} is not in {section}'
    for alias in named:
        assert alias[:-2] in functions(), f'{alias} is the name of no call'


def each_call_is_in_the_table_of_safety(_folder):
    text = PAGES['enlace-threads-fork-signals.7']
    rows = re.findall(r'^\|  \*(enl_\w+)\*$', text, re.M)
    assert sorted(rows) == sorted(functions()), set(rows) ^ set(functions())


def each_constant_is_explained(_folder):
    constants = set(re.findall(r'^#define (ENL_\w+)', HEADERS, re.M))
    constants |= set(re.findall(r'^    (ENL_\w+) = ', HEADERS, re.M))
    constants -= {'ENL_BEGIN', 'ENL_END', 'ENL_PUBLIC'}
    manual = '\n'.join(PAGES.values())
    missing = [name for name in sorted(constants) if not names(manual, name)]
    assert not missing, f'no page explains {missing}'


def each_field_is_explained(_folder):
    for struct, page in [('enl_message', 'enlace-messages.7'), ('enl_stat', 'enl_link_stat.3'),
                         ('enl_settings', 'enl_link_set.3'), ('enl_caps', 'enl_mechanism.3'),
                         ('enl_signal', 'enlace-links.7')]:
        body = re.search(rf'struct {struct} {{\n(.*?)\n}};', HEADERS, re.S)[1]
        body = re.sub(r'/\*.*?\*/', '', body, flags=re.S)
        text = PAGES[aliases().get(page, page)]
        for field in re.findall(r'\b(\w+)(?:\[\w+\])?(?=[;,])', body):
            if not field.startswith('reserved'):
                assert names(text, field), f'{page} does not explain {struct}.{field}'


def pages_that_are_named_exist(_folder):
    there = set(PAGES) | set(aliases())
    for page, text in PAGES.items():
        for name, section in re.findall(r'\*(enl[\w-]+)\*\((\d)\)', text):
            assert f'{name}.{section}' in there, f'{page} names {name}({section})'


def code_blocks(text):
    blocks = [block.replace('\\\\', '\\') for block in re.findall(r'^```\n(.*?)^```$', text, re.M | re.S)]
    return [block for block in blocks if re.search(r';$|\{$', block, re.M)]


def code_of_the_manual_compiles(folder):
    if not COMPILER:
        raise tap.Skip('this build is for a sanitizer or another machine')
    for page, text in PAGES.items():
        if page == 'enlace.7':
            continue  # see below
        for number, block in enumerate(code_blocks(text)):
            if '#include' in block:
                code = block
            elif block.startswith('static '):
                code = PRELUDE + block + 'void *used = (void *)end;\n'
            else:
                code = PRELUDE + SURROUNDINGS + block + '}\n'
            source = pathlib.Path(folder) / f'{page}-{number}.c'
            source.write_text(code, encoding='utf-8')
            # the synopsis beside the header: a prototype that differs is an error; a page may leave
            # out where a variable comes from
            tap.run([*COMPILER, '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Werror',
                     '-Wno-unused-variable', '-Wno-uninitialized', '-fsyntax-only',
                     f'-I{ROOT / "include"}', source])


def first_page_shows_the_examples(_folder):
    blocks = code_blocks(PAGES['enlace.7'])
    sources = {path.name: path.read_text(encoding='utf-8') for path in (ROOT / 'examples').glob('*.c')}
    assert len(blocks) == 3, f'{len(blocks)} programs'
    for block in blocks:
        found = [name for name, text in sources.items()
                 if block in text or re.sub(r'^(?=.)', '    ', block, flags=re.M) in text]
        assert found, f'no example has\n{block}'


def examples_of_mistakes_are_true(_folder):
    text = PAGES['enlace-addresses.7']
    block = re.search(r'# MISTAKES.*?```\n(.*?)```', text, re.S)[1]
    lines = block.splitlines()
    assert len(lines) >= 4
    for line in lines:
        address, reason = re.match(r'(?:address "(.*?)": (.*)|(.*?): .*)$', line).group(1, 2)
        address = address or line.split(': ')[0]
        expected = line if reason else line[len(address) + 2:]
        assert facts(address)[address] == expected, f'{address}: {facts(address)[address]}'
    for address in re.search(r'Examples:\n\n```\n(.*?)```', text, re.S)[1].split():
        assert isinstance(facts(address)[address], Caps), facts(address)[address]


def section_of(scheme):
    """Of enlace-links(7)."""
    found = re.search(rf'^# {scheme}:.*?(?=^# )', PAGES['enlace-links.7'], re.M | re.S)
    assert found, f'enlace-links(7) has no section "# {scheme}:..."'
    return found[0]


def manual_tells_what_each_mechanism_can(_folder):
    for address in facts():
        scheme = address.split(':')[0]
        words = None
        for line in section_of(scheme).splitlines():
            words = re.match(r'## type=(\w+)$', line) or words
            said = re.match(r'Can(, .*)?: (.*)\.$', line)
            if said:
                case = f'{scheme}:' if said[1] == ', as a pair' else address
                case += f'?type={words[1]}' if words else ''
                known = facts(case)[case].can
                assert said[2].split(', ') == known, f'{case}: says {said[2]}, is {known}'
        assert scheme == 'fd' or '\nCan' in section_of(scheme), f'{scheme}: no line "Can: ..."'


def manual_tells_every_option(_folder):
    for address, caps in facts().items():
        scheme = address.split(':')[0]
        text = section_of(scheme)
        also = re.search(r'all\s+options of \*(\w+):\*', text)
        if also:
            text += section_of(also[1])
        for option in caps.options:
            assert names(text, option), f'enlace-links(7), {scheme}: no option {option}'


def presets_of_the_manual_are_true(_folder):
    """The largest messages that enlace-links(7) names."""
    for address, size in [('pipe:', 4092), ('pipe:?frame=line', 4095), ('pipe:?frame=raw', 4096),
                          ('pipe:?writers=one', 1 << 20), ('unix:', 1 << 20),
                          ('unix:?type=seqpacket', 128 << 10), ('unix:?type=datagram', 128 << 10),
                          ('tcp:', 1 << 20), ('udp:', 65507)]:
        assert facts(address)[address].largest == str(size), f'{address}: {facts(address)[address].largest}'


def each_page_has_its_parts(_folder):
    for page, text in PAGES.items():
        name, section = page.rsplit('.', 1)
        assert text.startswith(f'{name}({section}) "enlace"\n; SPDX-License-Identifier: MIT\n'), page
        assert re.search(rf'^# NAME\n\n{name}[, ]|^# NAME\n\n.*\b{name}\b', text, re.M), page
        assert '\n# SEE ALSO\n' in text, f'{page} leads nowhere'
        for line in text.splitlines():
            assert len(line) <= 200, f'{page}: a line of {len(line)} characters'


CHECKS = [
    readme_table_is_the_librarys,
    readme_code_compiles_and_runs,
    commands_exist,
    each_verb_is_in_the_manual,
    links_lead_somewhere,
    files_that_are_named_exist,
    each_mechanism_has_tests_examples_and_commands,
    commands_of_examples_work,
    each_call_has_its_page,
    each_call_is_in_the_table_of_safety,
    each_constant_is_explained,
    each_field_is_explained,
    pages_that_are_named_exist,
    code_of_the_manual_compiles,
    first_page_shows_the_examples,
    examples_of_mistakes_are_true,
    manual_tells_what_each_mechanism_can,
    manual_tells_every_option,
    presets_of_the_manual_are_true,
    each_page_has_its_parts,
]

if __name__ == '__main__':
    if COMMAND == '--write':
        write_readme_table()
    else:
        tap.main([(check.__name__, check) for check in CHECKS])
