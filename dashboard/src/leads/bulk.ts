import type { Row } from './csv';

/** What a column of a file is: something the API knows, an attribute of the column's name, or nothing. */
export type Meaning = 'number' | 'email' | 'timezone' | 'attribute' | 'nothing';

/** A column of a file, with what it is taken for and the first text in it. */
export interface FileColumn {
  name: string;
  meaning: Meaning;
  example: string;
}

/** A file that is to become leads. */
export interface LeadFile {
  name: string;
  columns: readonly FileColumn[];
  rows: readonly Row[];
}

/** One lead for the API, and the line it comes from. */
export interface BulkLead {
  line: number;
  lead: { number: string; email?: string; timezone?: string; attributes?: Record<string, string> };
}

const KNOWN: readonly [Meaning, RegExp][] = [
  ['number', /^(to|number|phone|telephone|tel|mobile|cell|msisdn)([ _-]?(number|no))?$/i],
  ['email', /^e-?mail([ _-]?address)?$/i],
  ['timezone', /^(time[ _-]?zone|tz)$/i],
];

/** A number at the first sight, as far as a file without headings can show one. */
const LOOKS_LIKE_NUMBER = /^\+[\d\s().-]{7,}$/;

/** Reads what a file has; a first row that holds a number is a person, not the names of columns. */
export function fileOf(name: string, rows: readonly Row[]): LeadFile {
  const [first, ...others] = rows;
  const isBare = first?.cells.some((cell) => LOOKS_LIKE_NUMBER.test(cell)) ?? false;
  const people = isBare ? rows : others;
  const taken = new Set<Meaning>();
  const columns = (first?.cells ?? []).map((cell, index): FileColumn => {
    const example = people.find((row) => row.cells[index])?.cells[index] ?? '';
    const title = isBare ? `Column ${index + 1}` : cell;
    const meaning = isBare ? guessByText(example) : guessByName(title);
    if (meaning === 'attribute' || meaning === 'nothing') return { name: title, meaning, example };
    const isFree = !taken.has(meaning);
    taken.add(meaning);
    return { name: title, meaning: isFree ? meaning : 'attribute', example };
  });
  return { name, columns, rows: people };
}

const guessByName = (name: string): Meaning =>
  name === '' ? 'nothing' : (KNOWN.find(([, known]) => known.test(name))?.[0] ?? 'attribute');

function guessByText(text: string): Meaning {
  if (LOOKS_LIKE_NUMBER.test(text)) return 'number';
  return text.includes('@') ? 'email' : 'nothing';
}

/** Why a file cannot be sent as it is; null where it can. */
export function wrongWith({ columns, rows }: LeadFile, most: number): string | null {
  if (rows.length === 0) return 'Nobody is in this file.';
  if (rows.length > most) return `The file has more than ${most.toLocaleString('en')} people. Send it in parts.`;
  const numbers = columns.filter(({ meaning }) => meaning === 'number').length;
  if (numbers === 0) return 'Say which column has the numbers.';
  return numbers > 1 ? 'Only one column can have the numbers.' : null;
}

/** The people of a file as leads. What is empty is left out, so that it takes nothing away from leads that are known. */
export const leadsOf = ({ columns, rows }: LeadFile): BulkLead[] =>
  rows.map(({ line, cells }) => {
    const lead: BulkLead['lead'] = { number: '' };
    const attributes: Record<string, string> = {};
    columns.forEach(({ name, meaning }, index) => {
      const text = cells[index] ?? '';
      if (text === '' || meaning === 'nothing') return;
      if (meaning === 'attribute') attributes[name] = text;
      else lead[meaning] = meaning === 'number' ? text.replace(/[\s().-]/g, '') : text;
    });
    return { line, lead: { ...lead, ...(Object.keys(attributes).length > 0 && { attributes }) } };
  });
