import { expect, test } from 'vitest';

import { fileOf, leadsOf, wrongWith } from './bulk';
import { parseCsv, textOf } from './csv';

const file = (text: string) => fileOf('people.csv', parseCsv(text));
const meanings = (text: string) => file(text).columns.map(({ meaning }) => meaning);

test('cells may be quoted, over several lines, and separated by what the first line is', () => {
  expect(parseCsv('\uFEFFa,b\r\n"1,5","she said ""hi""\nand left"\r\n\r\n2,3')).toEqual([
    { line: 1, cells: ['a', 'b'] },
    { line: 2, cells: ['1,5', 'she said "hi"\nand left'] },
    { line: 5, cells: ['2', '3'] },
  ]);
  expect(parseCsv('a;b\n1,5;2').map(({ cells }) => cells)).toEqual([
    ['a', 'b'],
    ['1,5', '2'],
  ]);
  expect(parseCsv('')).toEqual([]);
});

test('columns are known by their names, each once', () => {
  expect(meanings('Phone Number,E-Mail,time_zone,Plan,,mobile\n+1,a@b.c,UTC,gold,x,+2')).toEqual([
    'number',
    'email',
    'timezone',
    'attribute',
    'nothing',
    'attribute',
  ]);
});

test('a file without names is known by what is in it', () => {
  const bare = file('+1 415 555 0100,ann@example.com\n+14155550101,');
  expect(bare.columns.map(({ meaning }) => meaning)).toEqual(['number', 'email']);
  expect(bare.rows).toHaveLength(2);
});

test('people become leads, and what is empty is left out', () => {
  const text = 'phone,email,first_name,plan\n+1 (415) 555-0100,ann@example.com,Ann,\n+14155550101,,,gold\n';
  expect(leadsOf(file(text))).toEqual([
    { line: 2, lead: { number: '+14155550100', email: 'ann@example.com', attributes: { first_name: 'Ann' } } },
    { line: 3, lead: { number: '+14155550101', attributes: { plan: 'gold' } } },
  ]);
});

test('what cannot be sent is said', () => {
  expect(wrongWith(file('phone\n'), 10)).toMatch(/Nobody/);
  expect(wrongWith(file('name\nAnn'), 10)).toMatch(/which column/);
  expect(wrongWith(file('phone\n1\n2\n3'), 2)).toMatch(/in parts/);
  expect(wrongWith(file('phone\n+1'), 10)).toBeNull();
});

test('files of spreadsheets are read, too', () => {
  const bytes = (...codes: number[]) => new Uint8Array(codes).buffer;
  expect(textOf(bytes(0x4a, 0xc3, 0xbc))).toBe('Jü');
  expect(textOf(bytes(0x4a, 0xfc))).toBe('Jü');
});
